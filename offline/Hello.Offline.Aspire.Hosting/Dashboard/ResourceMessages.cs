using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dashboard.Protocol;
using Google.Protobuf.WellKnownTypes;
using CheckStatus = Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus;
using Resource = Aspire.Hosting.Dashboard.Protocol.Resource;

namespace Aspire.Hosting.Dashboard;

/// <summary>Puts a resource's state into the dashboard's words.</summary>
internal static class ResourceMessages
{
    public static Resource ToMessage(this ResourceEvent change)
    {
        var snapshot = change.Snapshot;
        var message = new Resource
        {
            Name = change.ResourceId,
            DisplayName = change.Resource.Name,
            Uid = change.ResourceId,
            ResourceType = snapshot.ResourceType,
            CreatedAt = ToTimestamp(snapshot.CreationTimeStamp),
            StartedAt = ToTimestamp(snapshot.StartTimeStamp),
            StoppedAt = ToTimestamp(snapshot.StopTimeStamp),
            IsHidden = snapshot.IsHidden,
        };

        // Setters of optional fields take no null.
        if (snapshot.State is { } state)
        {
            message.State = state.Text;
            Set(state.Style, style => message.StateStyle = style);
        }

        Set(snapshot.IconName, name => message.IconName = name);
        if (snapshot.IconVariant is { } variant)
        {
            message.IconVariant = ToMessage(variant);
        }

        message.Environment.AddRange(snapshot.EnvironmentVariables.Select(v => new EnvironmentVariable { Name = v.Name, Value = v.Value ?? "", IsFromSpec = v.IsFromSpec }));
        message.Properties.AddRange(snapshot.Properties.Select(ToMessage));
        if (snapshot.ExitCode is { } exitCode)
        {
            message.Properties.Add(new ResourceProperty { Name = "resource.exitCode", Value = ToValue(exitCode) });
        }

        message.Urls.AddRange(snapshot.Urls.Select(u => new Url
        {
            EndpointName = u.Name ?? "",
            FullUrl = u.Url,
            IsInternal = u.IsInternal,
            IsInactive = u.IsInactive,
            DisplayProperties = new() { DisplayName = u.DisplayProperties.DisplayName, SortOrder = u.DisplayProperties.SortOrder },
        }));
        message.HealthReports.AddRange(snapshot.HealthReports.Select(ToMessage));
        message.Commands.AddRange(snapshot.Commands.Select(ToMessage));
        return message;
    }

    private static ResourceProperty ToMessage(ResourcePropertySnapshot property)
    {
        var message = new ResourceProperty { Name = property.Name, Value = ToValue(property.Value), IsSensitive = property.IsSensitive, IsHighlighted = property.IsHighlighted };
        Set(property.DisplayName, name => message.DisplayName = name);
        if (property.SortOrder is { } order)
        {
            message.SortOrder = order;
        }

        return message;
    }

    private static HealthReport ToMessage(HealthReportSnapshot report)
    {
        var message = new HealthReport { Key = report.Name, Description = report.Description ?? "", Exception = report.ExceptionText ?? "", LastRunAt = ToTimestamp(report.LastRunAt) };
        if (report.Status is { } status)
        {
            message.Status = status switch
            {
                CheckStatus.Healthy => HealthStatus.Healthy,
                CheckStatus.Degraded => HealthStatus.Degraded,
                _ => HealthStatus.Unhealthy,
            };
        }

        return message;
    }

    private static ResourceCommand ToMessage(ResourceCommandSnapshot command)
    {
        var message = new ResourceCommand
        {
            Name = command.Name,
            DisplayName = command.DisplayName,
            IsHighlighted = command.IsHighlighted,
            State = (Protocol.ResourceCommandState)command.State,
        };
        Set(command.ConfirmationMessage, text => message.ConfirmationMessage = text);
        Set(command.DisplayDescription, text => message.DisplayDescription = text);
        Set(command.IconName, name => message.IconName = name);
        if (command.IconVariant is { } variant)
        {
            message.IconVariant = ToMessage(variant);
        }

        return message;
    }

    private static Protocol.IconVariant ToMessage(ApplicationModel.IconVariant variant) => (Protocol.IconVariant)variant;

    private static void Set(string? value, Action<string> set)
    {
        if (value is not null)
        {
            set(value);
        }
    }

    private static Timestamp? ToTimestamp(DateTime? time) => time is { } t ? Timestamp.FromDateTime(DateTime.SpecifyKind(t, DateTimeKind.Utc)) : null;

    private static Value ToValue(object? value) => value switch
    {
        null => Value.ForNull(),
        string s => Value.ForString(s),
        bool b => Value.ForBool(b),
        int or long or double or float or decimal => Value.ForNumber(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture)),
        System.Collections.IEnumerable list => Value.ForList([.. list.Cast<object?>().Select(ToValue)]),
        _ => Value.ForString(value.ToString() ?? ""),
    };
}
