using System.Text;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Hello.Compare.Probe;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

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
        // Not all of a large image is compressed at each start to tell how long it becomes. The comparison does that.
        services.TryAddSingleton(provider => new ImageInspector(provider.GetRequiredService<ContainerEngine>(), exactUpTo: 32_000_000));
        if (container.ApplicationBuilder.ExecutionContext.IsRunMode)
        {
            // Adds each of them once, however many builds ask for it.
            services.AddHostedService<ImageFactsPublisher>();
            services.AddHostedService<EngineCheck>();
            services.AddHostedService<EarlyBuilds>();
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
    ILogger<ImageFactsPublisher> console) : EarlyBackgroundService
{
    private static readonly Figure[] Shown =
    [
        Figure.UnpackedSize, Figure.CompressedSize, Figure.Files, Figure.User, Figure.Ids, Figure.Processes, Figure.Capabilities, Figure.MemoryAfterStart,
    ];

    private const string PropertyPrefix = "hello.";

    /// <summary>Sorts these properties behind those that every container has. The dashboard treats a negative number as 0.</summary>
    private const int FirstSortOrder = 100;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(model.Resources.HelloImages().Select(r => FollowAsync(r.Resource, r.Image, stoppingToken)));

    private async Task FollowAsync(ContainerResource resource, HelloImage image, CancellationToken cancellationToken)
    {
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

                var state = change.Snapshot.State?.Text;
                if (state is not null && state != explained)
                {
                    explained = state;
                    if (loggers.GetLogger(change.ResourceId).Explain(state, change.Snapshot.ExitCode))
                    {
                        console.DoesNotRun(resource.Name, await FindReasonAsync(change.ResourceId, cancellationToken));
                    }
                }

                var container = state == KnownResourceStates.Running ? change.Snapshot.ContainerId() : null;
                if (container == measured)
                {
                    continue;
                }

                await EndAsync();
                measured = container;
                if (container is not null)
                {
                    run = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    measuring = MeasureAsync(resource, image, change.ResourceId, container, run.Token);
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
        }

        async Task EndAsync()
        {
            run?.Cancel();
            await measuring;
            run?.Dispose();
            run = null;
        }
    }

    /// <summary>The line of a console log that tells why its build does not run.</summary>
    private async Task<string> FindReasonAsync(string resourceId, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        await foreach (var lines in loggers.GetAllAsync(resourceId).WithCancellation(cancellationToken))
        {
            text.AppendJoin('\n', lines.Select(line => line.Content[(line.Content.IndexOf(' ', StringComparison.Ordinal) + 1)..])).Append('\n'); // without its time
        }

        return new ProgramResult(1, text.ToString(), "").Reason;
    }

    private async Task MeasureAsync(ContainerResource resource, HelloImage image, string resourceId, string container, CancellationToken cancellationToken)
    {
        var log = loggers.GetLogger(resourceId);
        var figures = new Measurements(image.Name);
        // Neither waits for the other: a container that never answers has a size, too.
        await Task.WhenAll(TryAsync(ReadProcessesAsync), TryAsync(ReadImageAsync));

        async Task<Action> ReadImageAsync()
        {
            var facts = await inspector.InspectImageAsync(image.Reference, image.Dockerfile, cancellationToken);
            return () => figures.Image = facts;
        }

        async Task<Action> ReadProcessesAsync()
        {
            await notifications.WaitForResourceHealthyAsync(resource.Name, WaitBehavior.WaitOnResourceUnavailable, cancellationToken);
            await using var probe = await ProbeContainer.StartBesideAsync(engine, container, log.LeftBehind, cancellationToken);
            await Task.Delay(ProbeContainer.Settling, cancellationToken);
            var facts = await probe.ReadProcessesAsync(cancellationToken);
            return () =>
            {
                figures.Process = facts;
                figures.Add(Figure.MemoryAfterStart, facts.ResidentBytes);
            };
        }

        async Task TryAsync(Func<Task<Action>> measure)
        {
            try
            {
                var note = await measure();
                ResourcePropertySnapshot[] properties;
                lock (figures)
                {
                    note();
                    properties = [.. Properties(figures)];
                }

                await notifications.PublishUpdateAsync(resource, resourceId, s => s with
                {
                    Properties = [.. s.Properties.Where(p => !p.Name.StartsWith(PropertyPrefix, StringComparison.Ordinal)), .. properties],
                });
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The container or the application ends.
            }
            catch (Exception e) when (e is MeasurementException or IOException or UnauthorizedAccessException)
            {
                // The application can run without these properties.
                log.NotMeasured(e.Message);
            }
        }
    }

    private static IEnumerable<ResourcePropertySnapshot> Properties(Measurements known) => Shown
        .Select((figure, i) => (figure, i, value: figure.Of(known)))
        .Where(f => f.value is not null)
        .Select(f => new ResourcePropertySnapshot(
            $"{PropertyPrefix}{f.figure.Name.ToLowerInvariant().Replace(' ', '-')}",
            f.value!.Exact is { } exact ? $"{f.value.Text} ({exact})" : f.value.Text)
        {
            DisplayName = f.figure.Name,
            IsHighlighted = true,
            SortOrder = FirstSortOrder + f.i,
        });
}
