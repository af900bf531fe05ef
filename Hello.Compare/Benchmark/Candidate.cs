using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Compare.Benchmark;

/// <summary>An image that is measured, and its figures so far.</summary>
/// <param name="name">The suffix of the Dockerfile and of the tag.</param>
/// <param name="imageId">The ID of the image. It stays the same if somebody builds another image under the same name meanwhile.</param>
/// <param name="hasTelemetry">Whether it sends traces, metrics and logs.</param>
/// <param name="entrypoint">The program that the image starts, with its arguments.</param>
internal sealed class Candidate(string name, bool hasTelemetry, string imageId, string[] entrypoint, ImageFacts image)
{
    private readonly OrderedDictionary<string, Spread> _values = [];

    public string Name => name;

    public bool HasTelemetry => hasTelemetry;

    public string ImageId => imageId;

    public string[] Entrypoint => entrypoint;

    public ImageFacts Image => image;

    /// <summary>The names of its figures in the order of measuring. Names with the same first word are together.</summary>
    public IEnumerable<string> Figures => _values.Keys.GroupBy(f => f.Split(' ', ',')[0]).SelectMany(f => f);

    /// <summary>The values of a figure, or null if it was not measured.</summary>
    public Spread? this[string figure] => _values.GetValueOrDefault(figure);

    public void Add(string figure, double value)
    {
        _values.TryAdd(figure, new());
        _values[figure].Add(value);
    }

    /// <summary>Adds the telemetry that the receiver got from one container.</summary>
    /// <param name="load">What the load is called in the figures.</param>
    /// <param name="requests">The number of answered requests, without the first one.</param>
    /// <param name="received">The telemetry received from its start to its end.</param>
    /// <exception cref="MeasurementException">Traces, metrics or logs are missing.</exception>
    public void AddReceived(string load, long requests, Received received)
    {
        if (received is { Spans: 0 } or { Metrics: 0 } or { LogRecords: 0 })
        {
            throw new MeasurementException($"{name} must send traces, metrics and logs, but the receiver got only {received}. To see why, run: docker run --rm {imageId}");
        }

        if (requests > 0)
        {
            Add($"Received spans{load}, per request", received.Spans / (double)requests);
            Add($"Received log records{load}, per request", received.LogRecords / (double)requests);
        }
    }
}
