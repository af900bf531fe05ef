using Hello.Compare.Engine;

namespace Hello.AppHost.Dashboard;

/// <summary>
/// Begins the first builds with the AppHost. The orchestrator begins them when the image of its tunnel is built and runs, and then takes
/// their steps from the builder's cache, or joins those that are under way.
/// </summary>
internal sealed class EarlyBuilds(DistributedApplicationModel model, ContainerEngine engine) : EarlyBackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(model.Resources.HelloImages().Select(async build =>
    {
        try
        {
            if ((await engine.RunAsync(["image", "ls", "--quiet", build.Image.Reference], stoppingToken)).Length == 0)
            {
                await engine.RunAsync(["build", "--output", "type=cacheonly", "--file", build.Image.Dockerfile, build.Image.Context], stoppingToken);
            }
        }
        catch (Exception e) when (e is MeasurementException or OperationCanceledException)
        {
            // The orchestrator's own build says it. Podman, for example, has no such output.
        }
    }));
}
