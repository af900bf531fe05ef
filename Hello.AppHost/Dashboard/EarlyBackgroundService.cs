using Microsoft.Extensions.Hosting;

namespace Hello.AppHost.Dashboard;

/// <summary>A service that begins before the orchestrator. A later one would miss the start of a container, because that start waits for a network.</summary>
internal abstract class EarlyBackgroundService : BackgroundService, IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => base.StartAsync(cancellationToken);

    public override Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
