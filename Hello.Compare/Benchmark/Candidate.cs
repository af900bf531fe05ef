namespace Hello.Compare.Benchmark;

/// <summary>An image that is measured, and its figures so far.</summary>
/// <param name="ImageId">It stays the same if somebody builds another image under the same name meanwhile.</param>
internal sealed record Candidate(string Name, bool HasTelemetry, string ImageId, string[] Entrypoint, ImageFacts Image)
{
    public OrderedDictionary<string, Spread> Values { get; } = [];

    public void Add(string figure, double value)
    {
        Values.TryAdd(figure, new());
        Values[figure].Add(value);
    }

    /// <summary>Adds the telemetry that the receiver got from one container.</summary>
    public void AddReceived(long requests, Received received)
    {
        if (received is { Spans: 0 } or { Metrics: 0 } or { LogRecords: 0 })
        {
            throw new MeasurementException(
                $"{Name} must send traces, metrics and logs, but the receiver got only {received}. To see why, run: docker run --rm {ImageId}");
        }

        if (requests > 0)
        {
            Add("Received spans, per request", received.Spans / (double)requests);
            Add("Received log records, per request", received.LogRecords / (double)requests);
        }
    }
}
