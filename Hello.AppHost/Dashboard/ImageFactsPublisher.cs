using Hello.AppHost.Comparison;
using Hello.AppHost.Engine;
using Hello.AppHost.Facts;
using Hello.AppHost.Load;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Hello.AppHost.Dashboard;

/// <summary>Shows the cheap facts about each build as highlighted properties of its resource.</summary>
internal static class ImageFactsExtensions
{
    /// <summary>Measures the resource after every start of its container.</summary>
    /// <param name="container">The resource.</param>
    /// <returns>Its builder.</returns>
    public static IResourceBuilder<ContainerResource> WithImageFacts(this IResourceBuilder<ContainerResource> container)
    {
        var services = container.ApplicationBuilder.Services;
        services.TryAddSingleton<ContainerEngine>();
        services.TryAddSingleton<ImageInspector>();
        services.TryAddSingleton<MeasurementStore>();
        services.AddHostedService<ImageFactsPublisher>(); // once, however often it is asked for
        return container;
    }

    /// <summary>The builds of a model, in its order.</summary>
    /// <param name="resources">The model's resources.</param>
    /// <returns>Each with its resource.</returns>
    public static IEnumerable<(ContainerResource Resource, HelloImage Image)> HelloImages(this IEnumerable<IResource> resources) =>
        from container in resources.OfType<ContainerResource>()
        from image in container.Annotations.OfType<HelloImage>()
        select (container, image);

    /// <summary>ID of the container that runs a resource.</summary>
    /// <param name="snapshot">The resource's state.</param>
    /// <returns>The ID; null while there is no container.</returns>
    public static string? ContainerId(this CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(p => p.Name == "container.id")?.Value as string is { Length: > 0 } id ? id : null;
}

/// <summary>Follows the resources and measures each anew when its container has been started; nothing waits for it.</summary>
internal sealed class ImageFactsPublisher(
    DistributedApplicationModel model,
    ResourceNotificationService notifications,
    ResourceLoggerService loggers,
    ContainerEngine engine,
    ImageInspector inspector,
    MeasurementStore store) : BackgroundService, IHostedLifecycleService
{
    private static readonly Figure[] Shown = [Figure.UnpackedSize, Figure.CompressedSize, Figure.Files, Figure.User, Figure.Ids, Figure.FirstHello];

    private const string PropertyPrefix = "hello.";

    /// <summary>Together, behind the properties that every container has; the dashboard takes what is below 0 for 0.</summary>
    private const int FirstSortOrder = 100;

    /// <summary>The states from the wish to run to running; a build stands in the middle of them.</summary>
    private static readonly string[] OnTheWay = [KnownResourceStates.Starting, KnownResourceStates.Building, KnownResourceStates.Running];

    /// <summary>How long the engine's command listens for a start before it is run again; a killed AppHost leaves it behind for no longer.</summary>
    private static readonly TimeSpan ListenLimit = TimeSpan.FromMinutes(2);

    /// <summary>From "Running" on.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    /// <summary>Begins before the services that start the containers, so that it misses no start.</summary>
    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => base.StartAsync(cancellationToken);

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(model.Resources.HelloImages().Select(r => FollowAsync(r.Resource, r.Image, stoppingToken)));

    private async Task FollowAsync(ContainerResource resource, HelloImage image, CancellationToken cancellationToken)
    {
        var measuring = Task.CompletedTask;
        CancellationTokenSource? run = null;
        try
        {
            await foreach (var change in notifications.WatchAsync(cancellationToken))
            {
                // From before it runs: who begins to listen only then has missed the start.
                var runs = change.Snapshot.State?.Text is { } state && OnTheWay.Contains(state);
                if (change.Resource != resource || runs == run is not null)
                {
                    continue;
                }

                if (runs)
                {
                    run = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    measuring = MeasureAsync(resource, image, change.ResourceId, run.Token);
                }
                else
                {
                    await EndAsync();
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The application stops.
        }
        finally
        {
            await EndAsync();
        }

        async Task EndAsync()
        {
            run?.Cancel();
            await measuring;
            run?.Dispose();
            run = null;
        }
    }

    private async Task MeasureAsync(ContainerResource resource, HelloImage image, string resourceId, CancellationToken cancellationToken)
    {
        try
        {
            store.Clear(image);
            var container = await MeasureStartAsync(resource, image, resourceId, cancellationToken);

            var process = await inspector.InspectProcessAsync(container, model.Resources.HelloImages().Select(r => r.Image.Reference), cancellationToken);
            store.Update(image, m => m with { Process = process, MemoryAfterStart = process.ResidentBytes });

            var facts = await inspector.InspectImageAsync(image, image.Reference, cancellationToken);
            store.Update(image, m => m with { Image = facts });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            // What the dashboard shows besides is no reason to end the application.
            loggers.GetLogger(resourceId).NotMeasured(e.Message);
        }

        var known = store[image];
        await notifications.PublishUpdateAsync(resource, resourceId, s => s with
        {
            Properties = [.. s.Properties.Where(p => !p.Name.StartsWith(PropertyPrefix, StringComparison.Ordinal)), .. Properties(known)],
        });
    }

    /// <summary>Waits until the container runs, and measures its first answer meanwhile.</summary>
    /// <returns>The container's ID.</returns>
    private async Task<string> MeasureStartAsync(ContainerResource resource, HelloImage image, string resourceId, CancellationToken cancellationToken)
    {
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var firstHello = MeasureFirstHelloAsync(image, resourceId, listening.Token);
        try
        {
            var running = await notifications.WaitForResourceAsync(
                resource.Name, e => e.Snapshot.State?.Text == KnownResourceStates.Running && e.Snapshot.ContainerId() is not null, cancellationToken);
            listening.CancelAfter(AnswerLimit);
            await firstHello;
            return running.Snapshot.ContainerId()!;
        }
        finally
        {
            await listening.CancelAsync();
            await firstHello.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks at the container's own port: Aspire's endpoint opens some tenths of a second after the container listens.</summary>
    /// <param name="image">The build.</param>
    /// <param name="container">The container's name, which is that of the resource.</param>
    /// <param name="cancellationToken">Ends the listening and the asking.</param>
    private async Task MeasureFirstHelloAsync(HelloImage image, string container, CancellationToken cancellationToken)
    {
        try
        {
            while (!await engine.WaitForStartAsync(container, ListenLimit, cancellationToken))
            {
                // Still building.
            }

            var (started, url) = await inspector.FindStartedAsync(container, cancellationToken);
            var answered = await FirstHello.WaitAsync(new(url, "/hello"), cancellationToken);
            store.Update(image, m => m with { FirstHello = answered - started });
        }
        catch (OperationCanceledException)
        {
            // It runs, but its start has been missed, or it does not answer: there is no such figure.
        }
        catch (MeasurementException e)
        {
            loggers.GetLogger(container).NotMeasured(e.Message);
        }
    }

    private static IEnumerable<ResourcePropertySnapshot> Properties(Measurements known) => Shown
        .Select((figure, i) => (figure, i, value: figure.Of(known)))
        .Where(f => f.value is not null)
        .Select(f => new ResourcePropertySnapshot($"{PropertyPrefix}{f.figure.Name.ToLowerInvariant().Replace(' ', '-')}", f.value!.Text)
        {
            DisplayName = f.figure.Name,
            IsHighlighted = true,
            SortOrder = FirstSortOrder + f.i,
        });
}
