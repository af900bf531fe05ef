using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Compare.Benchmark;

/// <summary>What is measured, and what has been.</summary>
/// <param name="name">Suffix of the Dockerfile and of the tag.</param>
/// <param name="imageId">ID of the image, which stays the same when somebody builds under the same name meanwhile.</param>
/// <param name="entrypoint">What the image starts.</param>
/// <param name="image">What the image is.</param>
internal sealed class Candidate(string name, string imageId, string[] entrypoint, ImageFacts image)
{
    private readonly OrderedDictionary<string, Spread<double>> _values = [];

    public string Name => name;

    public string ImageId => imageId;

    public string[] Entrypoint => entrypoint;

    public ImageFacts Image => image;

    /// <summary>The figures that it has, in the order in which they were measured first, but what is of one kind together.</summary>
    public IEnumerable<string> Figures => _values.Keys.GroupBy(f => f.Split(' ', ',')[0]).SelectMany(f => f);

    /// <summary>The values of a figure, or null if it was not measured.</summary>
    public Spread<double>? this[string figure] => _values.GetValueOrDefault(figure);

    public void Add(string figure, double value)
    {
        _values.TryAdd(figure, new());
        _values[figure].Add(value);
    }

    /// <summary>Adds how much telemetry of a container's life was received.</summary>
    /// <param name="requests">Requests that it has answered, beside the first.</param>
    /// <param name="received">What has come meanwhile.</param>
    /// <exception cref="MeasurementException">A signal is missing.</exception>
    public void AddReceived(long requests, Received received)
    {
        if (received is { Spans: 0 } or { Metrics: 0 } or { LogRecords: 0 })
        {
            throw new MeasurementException($"Of {name}, the receiver has not received traces, metrics and logs, but: {received}.");
        }

        if (requests > 0)
        {
            Add("Received spans, per request", received.Spans / (double)requests);
            Add("Received log records, per request", received.LogRecords / (double)requests);
        }
    }
}

