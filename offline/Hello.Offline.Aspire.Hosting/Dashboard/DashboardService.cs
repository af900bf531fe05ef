using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dashboard.Protocol;
using Grpc.Core;
using CommandResultFormat = Aspire.Hosting.ApplicationModel.CommandResultFormat;

namespace Aspire.Hosting.Dashboard;

/// <summary>Answers the dashboard's questions about the resources.</summary>
internal sealed class DashboardService(
    AppHostMetadata appHost, ResourceNotificationService notifications, ResourceLoggerService logs, ResourceCommandService commands, CancellationToken stopping)
    : Protocol.DashboardService.DashboardServiceBase
{
    public override Task<ApplicationInformationResponse> GetApplicationInformation(ApplicationInformationRequest request, ServerCallContext context)
    {
        // As the published package does it: the dashboard's title is the name without the usual suffix.
        var name = appHost.Name.EndsWith(".AppHost", StringComparison.OrdinalIgnoreCase) ? appHost.Name[..^".AppHost".Length] : appHost.Name;
        return Task.FromResult(new ApplicationInformationResponse { ApplicationName = name });
    }

    public override Task WatchResources(WatchResourcesRequest request, IServerStreamWriter<WatchResourcesUpdate> responseStream, ServerCallContext context) =>
        UntilStopping(context, async cancellationToken =>
        {
            // Every resource comes as a change of its own, so the initial data may be empty; but the dashboard waits for it.
            await responseStream.WriteAsync(new() { InitialData = new() }, cancellationToken).ConfigureAwait(false);
            await foreach (var change in notifications.WatchAsync(cancellationToken).ConfigureAwait(false))
            {
                await responseStream.WriteAsync(
                    new() { Changes = new() { Value = { new WatchResourcesChange { Upsert = change.ToMessage() } } } }, cancellationToken).ConfigureAwait(false);
            }
        });

    public override Task WatchResourceConsoleLogs(
        WatchResourceConsoleLogsRequest request, IServerStreamWriter<WatchResourceConsoleLogsUpdate> responseStream, ServerCallContext context) =>
        UntilStopping(context, async cancellationToken =>
        {
            var lines = request.SuppressFollow ? logs.GetAllAsync(request.ResourceName) : logs.WatchAsync(request.ResourceName);
            await foreach (var batch in lines.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                var update = new WatchResourceConsoleLogsUpdate();
                update.LogLines.AddRange(batch.Select(l => new ConsoleLogLine { Text = l.Content, IsStdErr = l.IsErrorMessage, LineNumber = l.LineNumber }));
                await responseStream.WriteAsync(update, cancellationToken).ConfigureAwait(false);
            }
        });

    public override async Task<ResourceCommandResponse> ExecuteResourceCommand(ResourceCommandRequest request, ServerCallContext context)
    {
        var result = await commands.ExecuteCommandAsync(request.ResourceName, request.CommandName, context.CancellationToken).ConfigureAwait(false);
        var response = new ResourceCommandResponse
        {
            Kind = result.Success ? ResourceCommandResponseKind.Succeeded : result.Canceled ? ResourceCommandResponseKind.Cancelled : ResourceCommandResponseKind.Failed,
        };
        if (result.Message is { } message)
        {
            response.Message = message;
        }

        if (result.Data is { } data)
        {
            response.Result = new()
            {
                Value = data.Value,
                DisplayImmediately = data.DisplayImmediately,
                Format = data.Format switch
                {
                    CommandResultFormat.Json => Protocol.CommandResultFormat.Json,
                    CommandResultFormat.Markdown => Protocol.CommandResultFormat.Markdown,
                    _ => Protocol.CommandResultFormat.Text,
                },
            };
        }

        return response;
    }

    public override Task WatchInteractions(
        IAsyncStreamReader<WatchInteractionsRequestUpdate> requestStream, IServerStreamWriter<WatchInteractionsResponseUpdate> responseStream, ServerCallContext context) =>
        UntilStopping(context, cancellationToken => Task.Delay(Timeout.Infinite, cancellationToken));

    /// <summary>Ends a stream quietly when the dashboard hangs up or the AppHost stops.</summary>
    private async Task UntilStopping(ServerCallContext context, Func<CancellationToken, Task> stream)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        try
        {
            await stream(end.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (end.IsCancellationRequested && e is OperationCanceledException or IOException or InvalidOperationException)
        {
        }
    }
}
