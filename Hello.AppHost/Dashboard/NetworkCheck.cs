using System.Text.RegularExpressions;
using Hello.Compare.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>Says why no container begins if the engine has no addresses for another network. The orchestrator tries a few times, gives up and does not say why.</summary>
internal sealed partial class NetworkCheck(
    DistributedApplicationModel model,
    ResourceNotificationService notifications,
    ResourceLoggerService loggers,
    ContainerEngine engine,
    ILogger<NetworkCheck> log,
    TimeSpan? pause = null) : EarlyBackgroundService
{
    /// <summary>An engine that has addresses makes a network in much less time.</summary>
    private readonly TimeSpan _pause = pause ?? TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            for (var known = false; !known;)
            {
                await Task.Delay(_pause, stoppingToken);
                known = AnyContainer() || await IsKnownAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application ends.
        }
    }

    private bool AnyContainer() => model.Resources.HelloImages().Any(r => notifications.TryGetCurrentState(r.Resource.Name, out var now) && now.Snapshot.ContainerId() is not null);

    private async Task<bool> IsKnownAsync(CancellationToken cancellationToken)
    {
        var reason = await FindFailureAsync(cancellationToken);
        if (reason is null || !NoAddresses().IsMatch(reason))
        {
            return reason is null; // otherwise no engine answers, which Aspire says
        }

        foreach (var logger in model.Resources.HelloImages().Select(r => loggers.GetLogger(r.Resource)).Prepend(log))
        {
            logger.NoNetwork(reason);
        }

        return true;
    }

    /// <summary>Why the engine cannot make a network; null if it can.</summary>
    private async Task<string?> FindFailureAsync(CancellationToken cancellationToken)
    {
        var name = TemporaryResources.NewName("network");
        try
        {
            await engine.RunAsync(["network", "create", name], cancellationToken);
        }
        catch (MeasurementException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            await RemoveAsync(); // an interrupted command may have made it already
            throw;
        }

        await RemoveAsync();
        return null;

        Task RemoveAsync() => new TemporaryResources(engine, log.LeftBehind).RemoveAsync("network", name);
    }

    // docker: "all predefined address pools have been fully subnetted", podman: "could not find free subnet from subnet pools"
    [GeneratedRegex("address pool|subnet")]
    private static partial Regex NoAddresses();
}
