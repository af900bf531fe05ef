using System.Collections.Concurrent;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Hello.Compare.Probe;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Hello.AppHost.Dashboard;

/// <summary>Sends a bounded burst of requests to a resource, so that its metrics and traces have something to show.</summary>
internal static class SendLoadCommand
{
    private const string Requests = "requests";
    private const string Connections = "connections";
    private const string Seconds = "seconds";

    private static readonly LoadOptions Default = new();

    /// <summary>Offers the command "send-load", which asks for its bounds.</summary>
    public static IResourceBuilder<ContainerResource> WithSendLoadCommand(this IResourceBuilder<ContainerResource> container)
    {
        container.ApplicationBuilder.Services.TryAddSingleton<RunningBursts>();
        return container.WithCommand("send-load", "Send load", context => SendAsync(container.Resource, context), new()
        {
            Description = "Sends a bounded burst of requests to /hello and shows how long the answers take",
            IconName = "TopSpeed",
            IsHighlighted = true,
            Arguments =
            [
                Number(Requests, "Requests", Default.Requests),
                Number(Connections, "Connections", Default.Connections),
                Number(Seconds, "Seconds at most", (int)Default.Duration.TotalSeconds),
            ],
            ValidateArguments = ValidateAsync,
            Progress = new() { Title = $"Load on {container.Resource.Name}", Message = "Sending requests to /hello ..." },
            UpdateState = context =>
                context.ResourceSnapshot.HealthStatus == HealthStatus.Healthy && !context.Services.GetRequiredService<RunningBursts>().ContainsKey(container.Resource.Name)
                    ? ResourceCommandState.Enabled
                    : ResourceCommandState.Disabled,
        });

        static InteractionInput Number(string name, string label, int value) =>
            new() { Name = name, Label = label, InputType = InputType.Number, Required = true, Value = Format.Invariant($"{value}") };
    }

    private static Task ValidateAsync(InputsDialogValidationContext context)
    {
        foreach (var (name, highest) in new[] { (Requests, 1_000_000), (Connections, 1_000), (Seconds, 600) })
        {
            if (!(int.TryParse(context.Inputs[name].Value, out var value) && value >= 1 && value <= highest))
            {
                context.AddValidationError(name, Format.Invariant($"It must be a whole number from 1 to {highest:N0}, not '{context.Inputs[name].Value}'."));
            }
        }

        return Task.CompletedTask;
    }

    private static async Task<ExecuteCommandResult> SendAsync(ContainerResource resource, ExecuteCommandContext context)
    {
        var notifications = context.Services.GetRequiredService<ResourceNotificationService>();
        var bursts = context.Services.GetRequiredService<RunningBursts>();
        var options = new LoadOptions
        {
            Requests = context.Arguments.GetInt32(Requests),
            Connections = context.Arguments.GetInt32(Connections),
            Duration = TimeSpan.FromSeconds(context.Arguments.GetInt32(Seconds)),
        };
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
            // Beside the container, so that no proxy is a part of the figures.
            await using var probe = await ProbeContainer.StartBesideAsync(
                context.Services.GetRequiredService<ContainerEngine>(), now.Snapshot.ContainerId()!, context.Logger.LeftBehind, stop.Token);
            var result = await probe.SendLoadAsync(HelloImage.Port, HelloImage.HelloPath, options, stop.Token);
            var summary = Describe(result);
            context.Logger.Note(summary);
            var links = Links([.. context.Services.GetRequiredService<DistributedApplicationModel>().Resources.HelloImages().Select(r => r.Image.Name)]);
            return result.Errors < result.Sent
                ? CommandResults.Success(summary, $"{Describe(result, options)}\n{links}\n", CommandResultFormat.Markdown, displayImmediately: true)
                : CommandResults.Failure($"No request was answered with 200: {summary}");
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            return CommandResults.Canceled();
        }
        catch (Exception e) when (e is OperationCanceledException or MeasurementException)
        {
            return CommandResults.Failure(stop.IsCancellationRequested ? $"The load ended because {resource.Name} stopped." : $"No load could be sent: {e.Message}");
        }
        finally
        {
            bursts.TryRemove(resource.Name, out _);
            await stop.CancelAsync();
            await ended;
            await RefreshCommandsAsync();
        }

        // Aspire asks for the state of a command when it publishes the state of its resource.
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
    }

    private static string Describe(LoadResult result) => Format.Invariant(
        $"{result.Sent:N0} requests in {result.Elapsed.TotalSeconds:N1} s: {result.RequestsPerSecond:N0} a second, ")
        + Format.Invariant($"p50 {Milliseconds(result.P50)}, p99 {Milliseconds(result.P99)}, {result.Errors:N0} errors");

    private static string Describe(LoadResult result, LoadOptions options)
    {
        var table = new Table(
            ["Requests", "Errors", "Seconds", "Answers a second", "p50", "p99"],
            [[
                Format.Invariant($"{result.Sent:N0}"), Format.Invariant($"{result.Errors:N0}"), Format.Invariant($"{result.Elapsed.TotalSeconds:N1}"),
                Format.Invariant($"{result.RequestsPerSecond:N0}"), Milliseconds(result.P50), Milliseconds(result.P99),
            ]]);
        return result.Sent == options.Requests
            ? table.ToMarkdown()
            : $"{table.ToMarkdown()}\n{Format.Invariant($"The time of {options.Duration.TotalSeconds:N0} s was up before all of the {options.Requests:N0} requests were sent.")}";
    }

    /// <summary>Links to the pages of the dashboard that show the builds from inside, so that one can compare them.</summary>
    private static string Links(string[] builds) => string.Join("\n\n", ((string[])["Traces", "Metrics"]).Select(
        page => $"{page}: {string.Join(" · ", builds.Select(build => $"[{build}](/{page.ToLowerInvariant()}/resource/{build})"))}"));

    private static string Milliseconds(TimeSpan? time) => time is { } latency ? Format.Invariant($"{latency.TotalMilliseconds:N2} ms") : "–";

    /// <summary>The resources that a burst is under way to.</summary>
    private sealed class RunningBursts : ConcurrentDictionary<string, bool>;
}
