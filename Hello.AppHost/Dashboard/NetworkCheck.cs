using System.Text.RegularExpressions;
using Hello.Compare.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>
/// Says why no container begins if the engine has no addresses for another network, or does not say which containers a network has. The
/// orchestrator gives up after a few tries, or waits for ever, and does not say why.
/// </summary>
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
        try
        {
            if (!(await MakeNetworkAsync(cancellationToken)).Contains("\"containers\":", StringComparison.OrdinalIgnoreCase))
            {
                Say(logger => logger.OldPodman());
            }

            return true;
        }
        catch (MeasurementException e) when (NoAddresses().IsMatch(e.Message))
        {
            Say(logger => logger.NoNetwork(e.Message));
            return true;
        }
        catch (MeasurementException)
        {
            return false; // no engine answers, which Aspire says
        }
    }

    private void Say(Action<ILogger> say)
    {
        foreach (var logger in model.Resources.HelloImages().Select(r => loggers.GetLogger(r.Resource)).Prepend(log))
        {
            say(logger);
        }
    }

    /// <summary>Makes a network, and removes it.</summary>
    /// <returns>
    /// What the engine says of it: <c>[{"Name":"demo","Containers":{}}]</c>. Podman has no such member before version 5.0, and the
    /// orchestrator waits for a container that is in it: https://github.com/containers/podman/issues/14126.
    /// </returns>
    private async Task<string> MakeNetworkAsync(CancellationToken cancellationToken)
    {
        var name = TemporaryResources.NewName("network");
        try
        {
            await engine.RunAsync(["network", "create", name], cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await RemoveAsync(); // an interrupted command may have made it already
            throw;
        }

        try
        {
            return await engine.RunAsync(["network", "inspect", name], cancellationToken);
        }
        finally
        {
            await RemoveAsync();
        }

        Task RemoveAsync() => new TemporaryResources(engine, log.LeftBehind).RemoveAsync("network", name);
    }

    // docker: "all predefined address pools have been fully subnetted", podman: "could not find free subnet from subnet pools"
    [GeneratedRegex("address pool|subnet")]
    private static partial Regex NoAddresses();
}
