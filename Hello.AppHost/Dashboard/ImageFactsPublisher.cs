using System.Collections.Concurrent;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Hello.Compare.Load;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Hello.AppHost.Dashboard;

/// <summary>Shows the cheap facts about each build as highlighted properties of its resource.</summary>
internal static class ImageFactsExtensions
{
    /// <summary>Measures the build after every start of its container.</summary>
    public static IResourceBuilder<ContainerResource> WithImageFacts(this IResourceBuilder<ContainerResource> container)
    {
        var services = container.ApplicationBuilder.Services;
        services.TryAddSingleton(provider =>
        {
            // The engine that Aspire uses.
            var configuration = provider.GetRequiredService<IConfiguration>();
            return new ContainerEngine(ContainerEngine.FindName(setting => configuration[setting]));
        });
        services.TryAddSingleton(provider => new ImageInspector(
            provider.GetRequiredService<ContainerEngine>(),
            new ImageFactsFile(Path.Combine(container.ApplicationBuilder.AppHostDirectory, "..", "artifacts", "image-facts.json"))));
        services.TryAddSingleton<MeasurementStore>();
        if (container.ApplicationBuilder.ExecutionContext.IsRunMode)
        {
            // Adds each of them once, however many builds ask for it.
            services.AddHostedService<ImageFactsPublisher>();
            services.AddHostedService<NetworkCheck>();
        }

        return container;
    }

    /// <summary>The ID of the container that runs a resource; null while there is none.</summary>
    public static string? ContainerId(this CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(p => p.Name == "container.id")?.Value as string is { Length: > 0 } id ? id : null;
}

/// <summary>Measures each build when its container has started. The application does not wait for it.</summary>
internal sealed class ImageFactsPublisher(
    DistributedApplicationModel model,
    ResourceNotificationService notifications,
    ResourceLoggerService loggers,
    ContainerEngine engine,
    ImageInspector inspector,
    MeasurementStore store) : EarlyBackgroundService
{
    private static readonly Figure[] Shown = [Figure.UnpackedSize, Figure.CompressedSize, Figure.Files, Figure.User, Figure.Ids, Figure.FirstHello];

    private const string PropertyPrefix = "hello.";

    /// <summary>Sorts these properties behind those that every container has. The dashboard treats a negative number as 0.</summary>
    private const int FirstSortOrder = 100;

    /// <summary>How long to wait for the answer. It is counted from the start of the container, and again from the state "Running", which Aspire publishes some seconds later.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan EngineRetry = TimeSpan.FromSeconds(1);

    /// <summary>From the start of a container to its first answer, by the container's ID.</summary>
    private readonly ConcurrentDictionary<string, TaskCompletionSource<TimeSpan>> _firstHellos = [];

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(model.Resources.HelloImages().Select(r => FollowAsync(r.Resource, r.Image, stoppingToken)));

    private async Task FollowAsync(ContainerResource resource, HelloImage image, CancellationToken cancellationToken)
    {
        Dictionary<string, Task> starts = [];
        var measuring = Task.CompletedTask;
        CancellationTokenSource? run = null;
        string? measured = null;
        string? explained = null;
        try
        {
            await foreach (var change in notifications.WatchAsync(cancellationToken))
            {
                if (change.Resource != resource)
                {
                    continue;
                }

                if (change.Snapshot.State?.Text is { } state && state != explained)
                {
                    explained = state;
                    loggers.GetLogger(change.ResourceId).Explain(state, change.Snapshot.ExitCode);
                }

                // The first event of a resource may come before its container has a name.
                if (!starts.ContainsKey(change.ResourceId))
                {
                    starts.Add(change.ResourceId, FollowStartsAsync(change.ResourceId, cancellationToken));
                }

                var running = change.Snapshot.State?.Text == KnownResourceStates.Running ? change.Snapshot.ContainerId() : null;
                if (running == measured)
                {
                    continue;
                }

                await EndAsync();
                measured = running;
                if (running is not null)
                {
                    run = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    measuring = MeasureAsync(resource, image, change.ResourceId, running, run.Token);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The application ends.
        }
        finally
        {
            await EndAsync();
            await Task.WhenAll(starts.Values);
        }

        async Task EndAsync()
        {
            run?.Cancel();
            await measuring;
            run?.Dispose();
            run = null;
        }
    }

    /// <summary>Measures each start that the engine reports. Aspire's events come too late, and not in the order of what happened.</summary>
    /// <param name="container">The container's name, which is the resource's ID.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async Task FollowStartsAsync(string container, CancellationToken cancellationToken)
    {
        var failures = 0;
        try
        {
            // The engine may start later than the AppHost, and it may restart.
            for (; ; await Task.Delay(EngineRetry, cancellationToken))
            {
                try
                {
                    await foreach (var _ in engine.FollowStartsAsync(container, cancellationToken))
                    {
                        failures = 0;
                        await MeasureFirstHelloAsync(container, cancellationToken);
                    }
                }
                catch (MeasurementException e)
                {
                    // The first failure only says that the stream of events ended. The second says that no engine answers.
                    if (++failures == 2)
                    {
                        loggers.GetLogger(container).NotMeasured(e.Message);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The application ends.
        }
    }

    /// <summary>Asks the container's own port, because Aspire opens its endpoint some tenths of a second later.</summary>
    private async Task MeasureFirstHelloAsync(string container, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        try
        {
            var (id, started, address) = await inspector.FindStartedAsync(container, limit.Token);
            var answered = await FirstHello.WaitAsync(address, HelloImage.HelloPath, FirstHello.Pause, limit.Token);
            FirstHelloOf(id).TrySetResult(answered - started);
        }
        catch (Exception e) when (e is MeasurementException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The container has ended again or does not answer, so it has no such figure.
        }
    }

    private TaskCompletionSource<TimeSpan> FirstHelloOf(string containerId) =>
        _firstHellos.GetOrAdd(containerId, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task MeasureAsync(ContainerResource resource, HelloImage image, string resourceId, string containerId, CancellationToken cancellationToken)
    {
        try
        {
            store.Clear(image);
            await TakeFirstHelloAsync();

            var process = await inspector.InspectProcessAsync(containerId, model.Resources.HelloImages().Select(r => r.Image.Reference), cancellationToken);
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
            // The application can run without these properties.
            loggers.GetLogger(resourceId).NotMeasured(e.Message);
        }

        var known = store[image];
        await notifications.PublishUpdateAsync(resource, resourceId, s => s with
        {
            Properties = [.. s.Properties.Where(p => !p.Name.StartsWith(PropertyPrefix, StringComparison.Ordinal)), .. Properties(known)],
        });

        async Task TakeFirstHelloAsync()
        {
            try
            {
                var firstHello = await FirstHelloOf(containerId).Task.WaitAsync(AnswerLimit, cancellationToken);
                store.Update(image, m => m with { FirstHello = firstHello });
            }
            catch (TimeoutException)
            {
                // The container does not answer, or its start was missed, so it has no such figure.
                loggers.GetLogger(resourceId).NotMeasured(
                    await engine.FindPortsElsewhereAsync(cancellationToken) ?? $"{Figure.FirstHello.Name}: no answer came within {AnswerLimit.TotalSeconds} s of the start.");
            }
            finally
            {
                _firstHellos.TryRemove(containerId, out _);
            }
        }
    }

    private static IEnumerable<ResourcePropertySnapshot> Properties(Measurements known) => Shown
        .Select((figure, i) => (figure, i, value: figure.Of(known)))
        .Where(f => f.value is not null)
        .Select(f => new ResourcePropertySnapshot($"{PropertyPrefix}{f.figure.Name.ToLowerInvariant().Replace(' ', '-')}", f.value!.Exact is { } exact ? $"{f.value.Text} ({exact})" : f.value.Text)
        {
            DisplayName = f.figure.Name,
            IsHighlighted = true,
            SortOrder = FirstSortOrder + f.i,
        });
}
