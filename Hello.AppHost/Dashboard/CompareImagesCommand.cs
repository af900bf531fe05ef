using Hello.Compare.Comparison;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Hello.AppHost.Dashboard;

/// <summary>Shows the last result of Hello.Compare, or measures the builds as it does.</summary>
internal static class CompareImagesCommand
{
    private const string Again = "again";

    /// <summary>Offers the command "compare-images".</summary>
    public static IResourceBuilder<ContainerResource> WithCompareImagesCommand(this IResourceBuilder<ContainerResource> container)
    {
        var root = Path.GetFullPath("..", container.ApplicationBuilder.AppHostDirectory);
        container.ApplicationBuilder.Services.TryAddSingleton(new ComparisonFiles(Path.Combine(root, "artifacts")));
        container.ApplicationBuilder.Services.TryAddSingleton<ComparisonPageServer>();
        container.ApplicationBuilder.Services.AddHostedService<RunningComparison>();
        return container.WithCommand("compare-images", "Compare images", context => CompareAsync(root, context), new()
        {
            Description = "Shows what each build costs and gives, side by side",
            IconName = "TableSimple",
            IsHighlighted = true,
            Arguments = [new() { Name = Again, Label = "Measure again, which takes some minutes", InputType = InputType.Boolean, Value = "false" }],
            Progress = new()
            {
                Title = "Compare images",
                Message = "If there is no result yet, the builds are measured. That takes some minutes. The console log shows each step.",
            },
        });
    }

    private static async Task<ExecuteCommandResult> CompareAsync(string root, ExecuteCommandContext context)
    {
        var (services, files) = (context.Services, context.Services.GetRequiredService<ComparisonFiles>());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        try
        {
            var failures = !File.Exists(files.Markdown) || context.Arguments.GetBoolean(Again)
                ? await services.GetServices<IHostedService>().OfType<RunningComparison>().Single().RunAsync(
                    () => files.MeasureBuildsAsync(services.GetRequiredService<ContainerEngine>(), root, context.Logger.Note, stop.Token),
                    stop.Token)
                : 0;
            var measured = Format.Invariant($"{File.GetLastWriteTimeUtc(files.Markdown):yyyy-MM-dd HH:mm} UTC");
            var page = await services.GetRequiredService<ComparisonPageServer>().StartAsync();
            return CommandResults.Success(
                failures == 0 ? "Compared the images." : "Compared the images. Something could not be measured.",
                $"Measured on {measured}. [The page with bars]({page}).\n\n{await File.ReadAllTextAsync(files.Markdown, stop.Token)}",
                CommandResultFormat.Markdown,
                displayImmediately: true);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return CommandResults.Canceled();
        }
        catch (Exception e) when (e is MeasurementException or IOException or UnauthorizedAccessException)
        {
            return CommandResults.Failure(e.Message);
        }
    }
}

/// <summary>Lets one comparison run at a time. The application ends after it has removed its images and containers.</summary>
internal sealed class RunningComparison : IHostedService, IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Runs a comparison, after the one that runs.</summary>
    public async Task<T> RunAsync<T>(Func<Task<T>> compare, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            return await compare();
        }
        finally
        {
            _one.Release();
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => _one.WaitAsync(cancellationToken);

    public void Dispose() => _one.Dispose();
}
