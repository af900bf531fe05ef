using Hello.Compare.Comparison;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.AppHost.Dashboard;

/// <summary>Opens a table of all builds, one row each.</summary>
internal static class CompareImagesCommand
{
    /// <summary>What there is room for in the dashboard's dialog; <c>compare</c> has the rest.</summary>
    private static readonly Figure[] Shown =
    [
        Figure.UnpackedSize, Figure.CompressedSize, Figure.Files, Figure.Ids, Figure.Capabilities, Figure.Shell,
        Figure.FirstHello, Figure.MemoryAfterStart, Figure.RequestsPerSecond, Figure.LatencyP99,
    ];

    /// <summary>Offers the command, as "compare-images".</summary>
    /// <param name="container">The resource.</param>
    /// <returns>Its builder.</returns>
    public static IResourceBuilder<ContainerResource> WithCompareImagesCommand(this IResourceBuilder<ContainerResource> container) =>
        container.WithCommand("compare-images", "Compare images", CompareAsync, new()
        {
            Description = "Shows what each build costs and gives, side by side",
            IconName = "TableSimple",
            IsHighlighted = true,
            Progress = new() { Title = "Compare images", Message = "Measuring what has not been measured yet ..." },
            // Enabled once there is an image to compare.
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

        // Mostly everything has been measured before; what has not is measured now, where it can be.
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
