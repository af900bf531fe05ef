using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Health;

/// <summary>Runs the health checks of every running resource and publishes what they say.</summary>
internal sealed class ResourceHealthMonitor(ResourceNotificationService notifications, HealthCheckService healthChecks) : BackgroundService
{
    private static readonly TimeSpan WhileHealthy = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WhileUnhealthy = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Dictionary<string, (CancellationTokenSource Stop, Task Loop)> running = [];
        try
        {
            await foreach (var change in notifications.WatchAsync(stoppingToken).ConfigureAwait(false))
            {
                var runs = change.Snapshot.State?.Text == KnownResourceStates.Running;
                if (runs && !running.ContainsKey(change.ResourceId))
                {
                    var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                    running[change.ResourceId] = (stop, MonitorAsync(change.Resource, change.ResourceId, stop.Token));
                }
                else if (!runs && running.Remove(change.ResourceId, out var monitor))
                {
                    await StopAsync(monitor.Stop, monitor.Loop).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application stops, or could not be started.
        }
        finally
        {
            foreach (var (stop, loop) in running.Values)
            {
                await StopAsync(stop, loop).ConfigureAwait(false);
            }
        }

        static async Task StopAsync(CancellationTokenSource stop, Task loop)
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.Dispose();
        }
    }

    private async Task MonitorAsync(IResource resource, string resourceId, CancellationToken cancellationToken)
    {
        var keys = resource.Annotations.OfType<HealthCheckAnnotation>().Select(a => a.Key).ToHashSet();
        while (keys.Count > 0)
        {
            var report = await healthChecks.CheckHealthAsync(r => keys.Contains(r.Name), cancellationToken).ConfigureAwait(false);
            await notifications.PublishUpdateAsync(resource, resourceId, s => s with
            {
                HealthReports =
                [
                    .. report.Entries.Select(e => new HealthReportSnapshot(e.Key, e.Value.Status, e.Value.Description, e.Value.Exception?.ToString())
                    {
                        LastRunAt = DateTime.UtcNow,
                    }),
                ],
            }).ConfigureAwait(false);
            await Task.Delay(report.Status == HealthStatus.Healthy ? WhileHealthy : WhileUnhealthy, cancellationToken).ConfigureAwait(false);
        }
    }
}
