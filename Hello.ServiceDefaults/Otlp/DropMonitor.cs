using System.Diagnostics.Metrics;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>
/// Logs how many spans and log records were dropped because their queue was full. OpenTelemetry only counts them in a
/// metric. Where no telemetry arrives, nobody sees that metric.
/// https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/
/// </summary>
internal sealed class DropMonitor : IDisposable
{
    /// <summary>The meter of OpenTelemetry's metrics about itself.</summary>
    public const string MeterName = "otel.sdk.experimental";

    private const string Spans = "otel.sdk.processor.span.processed";
    private const string LogRecords = "otel.sdk.processor.log.processed";

    private static readonly TimeSpan Gathering = TimeSpan.FromSeconds(5);

    private readonly ExportMonitor _exports;
    private readonly Action<long, long> _log;
    private readonly MeterListener _listener = new();
    private long _spans;
    private long _logRecords;
    private int _isGathering;

    /// <param name="exports">Knows whether telemetry arrives. While it does not arrive, the log says that instead.</param>
    /// <param name="log">Logs the numbers of spans and of log records, at most once in five seconds.</param>
    public DropMonitor(ExportMonitor exports, Action<long, long> log)
    {
        (_exports, _log) = (exports, log);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == MeterName && instrument.Name is Spans or LogRecords)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            foreach (var (name, value) in tags)
            {
                if (name == "error.type" && value is "queue_full")
                {
                    Add(instrument.Name, count);
                }
            }
        });
        _listener.Start();
    }

    /// <summary>Logs what has not been logged.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        Log();
    }

    private void Add(string instrument, long count)
    {
        Interlocked.Add(ref instrument == Spans ? ref _spans : ref _logRecords, count);
        if (Interlocked.Exchange(ref _isGathering, 1) == 0)
        {
            _ = LogLaterAsync();
        }
    }

    private async Task LogLaterAsync()
    {
        do
        {
            await Task.Delay(Gathering);
        }
        while (_exports.IsFailing);

        Volatile.Write(ref _isGathering, 0);
        Log();
    }

    private void Log()
    {
        var (spans, logRecords) = (Interlocked.Exchange(ref _spans, 0), Interlocked.Exchange(ref _logRecords, 0));
        if (spans + logRecords > 0)
        {
            _log(spans, logRecords);
        }
    }
}
