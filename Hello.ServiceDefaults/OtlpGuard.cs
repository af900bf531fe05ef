using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.ServiceDefaults;

/// <summary>Says once what keeps telemetry from arriving, since the exporter is silent, and bounds the last export.</summary>
internal sealed partial class OtlpGuard(
    IReadOnlyList<OtlpSignal> signals, IServiceProvider services, ILogger<OtlpGuard> log) : BackgroundService
{
    private static readonly TimeSpan ReachableWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushWithin = TimeSpan.FromSeconds(1);

    /// <summary>Stopped after the web server, so that the telemetry of the last requests is in the flush.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);

        // Left to itself each signal waits 5 s for an endpoint that doesn't answer, one after the other.
        await Task.WhenAll(
            Flush<TracerProvider>((provider, timeout) => provider.Shutdown(timeout)),
            Flush<MeterProvider>((provider, timeout) => provider.Shutdown(timeout)),
            Flush<LoggerProvider>((provider, timeout) => provider.Shutdown(timeout)));

        // On threads of their own: blocked ones of the thread pool would keep the answers of gRPC waiting.
        Task Flush<TProvider>(Action<TProvider, int> shutdown) => services.GetService<TProvider>() is { } provider
            ? Task.Factory.StartNew(
                () => shutdown(provider, (int)FlushWithin.TotalMilliseconds), CancellationToken.None,
                TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.CompletedTask;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var warning in signals.SelectMany(signal => signal.Warnings).Distinct())
        {
            LogUnusable(warning);
        }

        var exported = signals.Where(signal => signal.IsExported).DistinctBy(signal => signal.Endpoint!.Authority);
        await Task.WhenAll(exported.Select(signal => CheckAsync(signal, stoppingToken)));
    }

    // The other end may be starting too: it has a few seconds to appear.
    private async Task CheckAsync(OtlpSignal signal, CancellationToken stoppingToken)
    {
        var reason = "no answer";
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        deadline.CancelAfter(ReachableWithin);
        try
        {
            while (true)
            {
                try
                {
                    using var connection = new TcpClient();
                    await connection.ConnectAsync(signal.Endpoint!.DnsSafeHost, signal.Endpoint.Port, deadline.Token);
                    return;
                }
                catch (SocketException failure)
                {
                    reason = failure.Message;
                    await Task.Delay(500, deadline.Token);
                }
            }
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            LogUnreachable(signal.EndpointVariable, signal.Endpoint!.Authority, reason);
        }
        catch (OperationCanceledException)
        {
            // Stopping: whether it was reachable no longer matters.
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Telemetry: {Problem}")]
    private partial void LogUnusable(string problem);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message =
        "Telemetry: {Variable} points to {Endpoint}, which cannot be reached ({Reason}): telemetry is lost until it can. Start a receiver there, or change or unset the variable.")]
    private partial void LogUnreachable(string variable, string endpoint, string reason);
}
