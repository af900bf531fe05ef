using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>Says once that telemetry does not arrive or is dropped, and once that it arrives again. The exporter's package logs neither.</summary>
internal sealed partial class OtlpGuard(IReadOnlyList<OtlpSignal> signals, IServiceProvider services, ILogger<OtlpGuard> log) : IHostedService, IDisposable
{
    /// <summary>OpenTelemetry's metrics about itself: https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/.</summary>
    public const string MeterName = "otel.sdk.experimental";

    private const string Spans = "otel.sdk.processor.span.processed";
    private const string LogRecords = "otel.sdk.processor.log.processed";

    private readonly HashSet<OtlpSignal> _failing = [];
    private readonly MeterListener _meters = new();
    private long _spans, _logRecords;
    private int _isGathering;

    /// <summary>Begins to listen, and says what the settings ask for in vain.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in signals)
        {
            signal.Report = OnExported;
        }

        foreach (var warning in signals.Select(signal => signal.Warning).OfType<string>().Distinct())
        {
            LogUnusable(warning);
        }

        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == MeterName && instrument.Name is Spans or LogRecords)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _meters.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            foreach (var (name, value) in tags)
            {
                if (name == "error.type" && value is "queue_full")
                {
                    Interlocked.Add(ref instrument.Name == Spans ? ref _spans : ref _logRecords, count);
                    _ = SayDroppedLaterAsync();
                }
            }
        });
        _meters.Start();
        return Task.CompletedTask;
    }

    /// <summary>Exports what is left. The host stops the web server first, so the telemetry of the last requests is included.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        // Otherwise the signals are shut down one after the other, and each waits 5 s for an endpoint that does not answer.
        return Task.WhenAll(
            Flush<TracerProvider>(provider => provider.Shutdown(timeoutMilliseconds: 1000)),
            Flush<MeterProvider>(provider => provider.Shutdown(timeoutMilliseconds: 1000)),
            Flush<LoggerProvider>(provider => provider.Shutdown(timeoutMilliseconds: 1000)));

        // Each on a thread of its own: gRPC needs threads of the pool to receive its answers, and these calls block.
        Task Flush<TProvider>(Action<TProvider> shutdown) => services.GetService<TProvider>() is not { } provider ? Task.CompletedTask
            : Task.Factory.StartNew(() => shutdown(provider), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Says what has been dropped and not been said.</summary>
    public void Dispose()
    {
        _meters.Dispose();
        SayDropped();
    }

    private void OnExported(OtlpSignal signal, string? failure)
    {
        lock (_failing)
        {
            // One variable and one receiver are one cause, however many signals they concern.
            var isSaid = _failing.Any(other => other != signal && (other.EndpointVariable, other.Address) == (signal.EndpointVariable, signal.Address));
            if (!(failure is null ? _failing.Remove(signal) : _failing.Add(signal)) || isSaid)
            {
                return;
            }
        }

        if (failure is null)
        {
            LogArrives(signal.Address, signal.EndpointVariable);
        }
        else
        {
            LogLost(signal.EndpointVariable, signal.Address, failure);
        }
    }

    /// <summary>Gathers, and waits while the log says that telemetry does not arrive.</summary>
    private async Task SayDroppedLaterAsync()
    {
        if (Interlocked.Exchange(ref _isGathering, 1) == 0)
        {
            do
            {
                await Task.Delay(TimeSpan.FromSeconds(5));
            }
            while (_failing.Count > 0);

            Volatile.Write(ref _isGathering, 0);
            SayDropped();
        }
    }

    private void SayDropped()
    {
        var (spans, logRecords) = (Interlocked.Exchange(ref _spans, 0), Interlocked.Exchange(ref _logRecords, 0));
        if (spans + logRecords > 0)
        {
            LogDropped(spans, logRecords);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Telemetry: {Problem}")]
    private partial void LogUnusable(string problem);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message =
        "Telemetry: {Variable} points to {Endpoint}, which {Reason}: telemetry is lost until that changes. "
        + "Start a receiver there that takes it, or change or unset the variable.")]
    private partial void LogLost(string variable, string endpoint, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Telemetry: it arrives again at {Endpoint}, to which {Variable} points.")]
    private partial void LogArrives(string endpoint, string variable);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message =
        "Telemetry: {Spans} spans and {LogRecords} log records were dropped, because they came faster than the receiver took them. Give the API and the receiver "
        + "more processor time, raise OTEL_BSP_MAX_QUEUE_SIZE and OTEL_BLRP_MAX_QUEUE_SIZE, or sample with OTEL_TRACES_SAMPLER.")]
    private partial void LogDropped(long spans, long logRecords);
}
