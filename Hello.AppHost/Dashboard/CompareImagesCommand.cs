using Hello.Compare.Comparison;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.AppHost.Dashboard;

/// <summary>Opens a table of all builds, one row each.</summary>
internal static class CompareImagesCommand
{
    /// <summary>The figures that the dashboard's dialog has room for. Hello.Compare shows all.</summary>
    private static readonly Figure[] Shown =
    [
        Figure.UnpackedSize, Figure.CompressedSize, Figure.Ids, Figure.FirstHello, Figure.MemoryAfterStart, Figure.RequestsPerSecond, Figure.LatencyP99,
    ];

    /// <summary>Offers the command "compare-images".</summary>
    public static IResourceBuilder<ContainerResource> WithCompareImagesCommand(this IResourceBuilder<ContainerResource> container) =>
        container.WithCommand("compare-images", "Compare images", CompareAsync, new()
        {
            Description = "Shows what each build costs and gives, side by side",
            IconName = "TableSimple",
            IsHighlighted = true,
            Progress = new() { Title = "Compare images", Message = "Measuring what has not been measured yet ..." },
            // Disabled until the image has been built.
            UpdateState = context => context.ResourceSnapshot.ContainerId() is null ? ResourceCommandState.Disabled : ResourceCommandState.Enabled,
        });

    private static async Task<ExecuteCommandResult> CompareAsync(ExecuteCommandContext context)
    {
        var images = context.Services.GetRequiredService<DistributedApplicationModel>().Resources.HelloImages().Select(r => r.Image).ToArray();
        List<Measurements> rows = [];
        foreach (var image in images)
        {
            rows.Add(await CompleteAsync(image));
        }

        return rows.All(r => r.Image is null)
            ? CommandResults.Failure("No image could be measured; the console log says why.")
            : CommandResults.Success(
                $"Compared {rows.Count(r => r.Image is not null)} of {rows.Count} images.",
                ComparisonMarkdown.RowPerImage(rows, Shown) + Environment.NewLine + ComparisonMarkdown.Bases(rows),
                CommandResultFormat.Markdown,
                displayImmediately: true);

        // Most figures have been measured at the start of the containers. This measures the missing ones.
        async Task<Measurements> CompleteAsync(HelloImage image)
        {
            var store = context.Services.GetRequiredService<MeasurementStore>();
            var inspector = context.Services.GetRequiredService<ImageInspector>();
            try
            {
                if (store[image].Image is null)
                {
                    var facts = await inspector.InspectImageAsync(image, image.Reference, context.CancellationToken);
                    store.Update(image, m => m with { Image = facts });
                }

                if (store[image].Process is null
                    && context.Services.GetRequiredService<ResourceNotificationService>().TryGetCurrentState(image.Name, out var now)
                    && now.Snapshot is { State.Text: var state } && state == KnownResourceStates.Running
                    && now.Snapshot.ContainerId() is { } container)
                {
                    var process = await inspector.InspectProcessAsync(container, images.Select(i => i.Reference), context.CancellationToken);
                    store.Update(image, m => m with { Process = process, MemoryAfterStart = process.ResidentBytes });
                }
            }
            catch (MeasurementException e)
            {
                context.Logger.NotMeasured($"{image.Name}: {e.Message}");
            }

            return store[image];
        }
    }
}
