using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>Logs once why telemetry cannot arrive, because the exporter does not, and limits the time of the last export.</summary>
internal sealed partial class OtlpGuard(
    IReadOnlyList<OtlpSignal> signals, IReadOnlyList<string> warnings, ExportMonitor monitor, IServiceProvider services, ILogger<OtlpGuard> log) : IHostedService, IDisposable
{
    /// <summary>Keeps the check out of the way of the first request.</summary>
    private static readonly TimeSpan BeforeCheck = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ReachableWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushWithin = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private Task _check = Task.CompletedTask;
    private DropMonitor? _drops;

    /// <summary>Begins the check and does not wait for it. A BackgroundService would be logged as failed, with a stack trace, if the start of another service fails.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _check = Task.Run(() => RunAsync(_stopping.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Exports what is left. The host stops the web server first, so the telemetry of the last requests is included.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _check.WaitAsync(cancellationToken);

        // Without this the signals are shut down one after the other, and each waits 5 s for an endpoint that does not answer.
        await Task.WhenAll(
            Flush<TracerProvider>((provider, timeout) => provider.Shutdown(timeout)),
            Flush<MeterProvider>((provider, timeout) => provider.Shutdown(timeout)),
            Flush<LoggerProvider>((provider, timeout) => provider.Shutdown(timeout)));

        // Each on a thread of its own: gRPC needs threads of the pool to receive its answers, and these calls block.
        Task Flush<TProvider>(Action<TProvider, int> shutdown) => services.GetService<TProvider>() is { } provider
            ? Task.Factory.StartNew(
                () => shutdown(provider, (int)FlushWithin.TotalMilliseconds), CancellationToken.None,
                TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.CompletedTask;
    }

    /// <summary>Ends the check of a start that has failed: the host stops nothing then.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
        _drops?.Dispose();
    }

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        monitor.LogFailure = LogLost;
        monitor.LogRecovery = LogArrives;
        _drops = new(monitor, LogDropped);
        foreach (var warning in warnings.Concat(signals.SelectMany(signal => signal.Warnings)).Distinct())
        {
            LogUnusable(warning);
        }

        await Task.Delay(BeforeCheck, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // Behind a proxy, a connection tells nothing about the endpoint. The first export does.
        var exported = signals.Where(signal => signal is { IsExported: true, Proxy: null }).DistinctBy(signal => signal.Endpoint!.Authority);
        await Task.WhenAll(exported.Select(signal => CheckAsync(signal, stoppingToken)));
    }

    // The receiver may be starting too, so it gets a few seconds.
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
            foreach (var unreachable in signals.Where(other => other.IsExported && other.Endpoint.Authority == signal.Endpoint!.Authority))
            {
                monitor.Failed(unreachable, $"cannot be reached ({reason})");
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops, so the warning is not needed any more.
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Telemetry: {Problem}")]
    private partial void LogUnusable(string problem);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message =
        "Telemetry: {Variable} points to {Endpoint}, which {Reason}: telemetry is lost until that changes. Start a receiver there that takes it, or change or unset the variable.")]
    private partial void LogLost(string variable, string endpoint, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Telemetry: it arrives again at {Endpoint}, to which {Variable} points.")]
    private partial void LogArrives(string variable, string endpoint);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message =
        "Telemetry: {Spans} spans and {LogRecords} log records were dropped, because they came faster than the receiver took them. Give the API and the receiver more processor time, raise OTEL_BSP_MAX_QUEUE_SIZE and OTEL_BLRP_MAX_QUEUE_SIZE, or sample with OTEL_TRACES_SAMPLER.")]
    private partial void LogDropped(long spans, long logRecords);
}
