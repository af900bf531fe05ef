using System.Text.RegularExpressions;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>
/// Says in the console, and in the log of each build, why no container begins: no engine answers, it has no addresses for another network,
/// or it does not say which containers a network has. The orchestrator waits for ever, or gives up after a few tries, and does not say why.
/// </summary>
internal sealed partial class EngineCheck(
    DistributedApplicationModel model,
    ResourceNotificationService notifications,
    ResourceLoggerService loggers,
    ContainerEngine engine,
    ILogger<EngineCheck> log,
    TimeSpan? pause = null) : EarlyBackgroundService
{
    /// <summary>An engine that has addresses makes a network in much less time.</summary>
    private readonly TimeSpan _pause = pause ?? TimeSpan.FromSeconds(4);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var isSaid = false;
            for (; await FindProblemAsync(stoppingToken) is { } problem; await Task.Delay(_pause, stoppingToken))
            {
                if (!isSaid)
                {
                    Say(logger => logger.NoEngine(problem));
                    isSaid = true;
                }
            }

            if (isSaid)
            {
                Say(logger => logger.EngineAnswers());
            }

            await Task.Delay(_pause, stoppingToken);
            if (!AnyContainer())
            {
                await CheckNetworkAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application ends.
        }
    }

    /// <summary>Why the engine does not answer; null if it does.</summary>
    private async Task<string?> FindProblemAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_pause);
        try
        {
            await engine.RunAsync(["version"], limit.Token);
            return null;
        }
        catch (MeasurementException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Format.Invariant($"No container engine has answered within {_pause.TotalSeconds:N0} s. {EngineEnvironment.Remedy}");
        }
    }

    private bool AnyContainer() => model.Resources.HelloImages().Any(r => notifications.TryGetCurrentState(r.Resource.Name, out var now) && now.Snapshot.ContainerId() is not null);

    private async Task CheckNetworkAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!(await MakeNetworkAsync(cancellationToken)).Contains("\"containers\":", StringComparison.OrdinalIgnoreCase))
            {
                Say(logger => logger.OldPodman());
            }
        }
        catch (MeasurementException e) when (NoAddresses().IsMatch(e.Message))
        {
            Say(logger => logger.NoNetwork(e.Message));
        }
        catch (MeasurementException)
        {
            // The orchestrator meets the same, and says it.
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
    /// The engine's description: <c>[{"Name":"demo","Containers":{}}]</c>. Podman has no such member before version 5.0, and the
    /// orchestrator waits for a container that is in it: https://github.com/containers/podman/issues/14126.
    /// </returns>
    private async Task<string> MakeNetworkAsync(CancellationToken cancellationToken)
    {
        var name = TemporaryResources.NewName("network");
        await using var made = new TemporaryResources(engine, log.LeftBehind);
        made.Add("network", name);
        await engine.RunAsync(["network", "create", name], cancellationToken);
        return await engine.RunAsync(["network", "inspect", name], cancellationToken);
    }

    // docker: "all predefined address pools have been fully subnetted", podman: "could not find free subnet from subnet pools"
    [GeneratedRegex("address pool|subnet")]
    private static partial Regex NoAddresses();
}
