using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>Copies the console log of every resource to the AppHost's own log.</summary>
internal sealed class ResourceLogForwarder(
    DistributedApplicationModel model, ResourceLoggerService logs, ILoggerFactory loggers, AppHostMetadata appHost) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(model.Resources.OfType<ContainerResource>().Select(r => ForwardAsync(r, stoppingToken)));

    private async Task ForwardAsync(ContainerResource resource, CancellationToken cancellationToken)
    {
        var logger = loggers.CreateLogger($"{appHost.Name}.Resources.{resource.Name}");
        try
        {
            await foreach (var batch in logs.WatchAsync(resource).WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                foreach (var line in batch)
                {
                    logger.Log(line.IsErrorMessage ? LogLevel.Error : LogLevel.Information, "{Line}", line.Content);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The application stops, or could not be started.
        }
    }
}
