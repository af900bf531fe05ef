using System.Collections.Concurrent;
using Hello.AppHost.Comparison;
using Hello.AppHost.Facts;
using Hello.AppHost.Load;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Hello.AppHost.Dashboard;

/// <summary>Sends a bounded burst of requests to a resource, so that its metrics and traces have something to show.</summary>
internal static class SendLoadCommand
{
    /// <summary>Offers the command, as "send-load"; the section "Load" of the settings has its bounds.</summary>
    /// <param name="container">The resource.</param>
    /// <returns>Its builder.</returns>
    public static IResourceBuilder<ContainerResource> WithSendLoadCommand(this IResourceBuilder<ContainerResource> container)
    {
        container.ApplicationBuilder.Services.TryAddSingleton<RunningBursts>();
        return container.WithCommand("send-load", "Send load", context => SendAsync(container.Resource, context), new()
        {
            Description = "Sends a bounded burst of requests to /hello and shows requests per second and latency",
            IconName = "TopSpeed",
            IsHighlighted = true,
            UpdateState = context =>
                context.ResourceSnapshot.HealthStatus == HealthStatus.Healthy && !context.Services.GetRequiredService<RunningBursts>().ContainsKey(container.Resource.Name)
                    ? ResourceCommandState.Enabled
                    : ResourceCommandState.Disabled,
        });
    }

    private static async Task<ExecuteCommandResult> SendAsync(ContainerResource resource, ExecuteCommandContext context)
    {
        var notifications = context.Services.GetRequiredService<ResourceNotificationService>();
        var bursts = context.Services.GetRequiredService<RunningBursts>();
        var options = context.Services.GetRequiredService<IConfiguration>().GetSection("Load").Get<LoadOptions>() ?? new();
        if (options.Validate() is { } problem)
        {
            return CommandResults.Failure(problem);
        }

        if (!notifications.TryGetCurrentState(context.ResourceName, out var now) || now.Snapshot.State?.Text != KnownResourceStates.Running)
        {
            return CommandResults.Failure($"{resource.Name} is not running: start it first.");
        }

        if (!bursts.TryAdd(resource.Name, true))
        {
            return CommandResults.Failure($"A burst to {resource.Name} is still under way: wait for its end.");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, context.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        var ended = StopWithResourceAsync();
        try
        {
            await RefreshCommandsAsync();
            context.Logger.SendingLoad(options.Requests, options.Connections, options.Duration.TotalSeconds);
            var result = await LoadBurst.SendAsync(
                new(new Uri(resource.GetEndpoint("http").Url), "/hello"),
                options,
                answered => context.Logger.LoadProgress(answered, options.Requests),
                stop.Token);
            var summary = Describe(result);
            context.Logger.LoadSent(summary);
            if (stop.IsCancellationRequested)
            {
                return context.CancellationToken.IsCancellationRequested
                    ? CommandResults.Canceled()
                    : CommandResults.Failure($"The burst was stopped, as {resource.Name} was: {summary}");
            }

            await KeepAsync(result);
            return result.Errors < result.Sent
                ? CommandResults.Success(summary, Table(result), CommandResultFormat.Markdown, displayImmediately: true)
                : CommandResults.Failure($"No request was answered with 200: {summary}");
        }
        finally
        {
            bursts.TryRemove(resource.Name, out _);
            await stop.CancelAsync();
            await ended;
            await RefreshCommandsAsync();
        }

        // The state of a command is asked for when that of its resource is published.
        Task RefreshCommandsAsync() => notifications.PublishUpdateAsync(resource, context.ResourceName, s => s);

        async Task StopWithResourceAsync()
        {
            try
            {
                await notifications.WaitForResourceAsync(resource.Name, e => e.Snapshot.State?.Text != KnownResourceStates.Running, stop.Token);
                await stop.CancelAsync();
            }
            catch (OperationCanceledException)
            {
                // The burst is over.
            }
        }

        // For the comparison.
        async Task KeepAsync(LoadResult result)
        {
            var image = resource.Annotations.OfType<HelloImage>().Single();
            var store = context.Services.GetRequiredService<MeasurementStore>();
            store.Update(image, m => m with { RequestsPerSecond = result.RequestsPerSecond, LatencyP50 = result.Percentile(50), LatencyP99 = result.Percentile(99) });
            try
            {
                var process = await context.Services.GetRequiredService<ImageInspector>().InspectProcessAsync(now.Snapshot.ContainerId()!, [image.Reference], stop.Token);
                store.Update(image, m => m with { MemoryUnderLoad = process.PeakResidentBytes });
            }
            catch (MeasurementException e)
            {
                context.Logger.NotMeasured(e.Message);
            }
        }
    }

    private static string Describe(LoadResult result) => Format.Invariant(
        $"{result.Sent:N0} requests in {result.Elapsed.TotalSeconds:N1} s: {result.RequestsPerSecond:N0} requests per second, p50 {result.Percentile(50)?.TotalMilliseconds ?? double.NaN:N2} ms, p99 {result.Percentile(99)?.TotalMilliseconds ?? double.NaN:N2} ms, {result.Errors:N0} errors");

    private static string Table(LoadResult result) => Format.Invariant($"""
        | Requests | Errors | Seconds | Requests per second | p50 | p99 |
        | ---: | ---: | ---: | ---: | ---: | ---: |
        | {result.Sent:N0} | {result.Errors:N0} | {result.Elapsed.TotalSeconds:N1} | {result.RequestsPerSecond:N0} | {result.Percentile(50)?.TotalMilliseconds:N2} ms | {result.Percentile(99)?.TotalMilliseconds:N2} ms |
        """);

    /// <summary>The resources that a burst is under way to.</summary>
    private sealed class RunningBursts : ConcurrentDictionary<string, bool>;
}
