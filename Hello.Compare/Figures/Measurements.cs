using Hello.Compare.Images;

namespace Hello.Compare.Figures;

/// <summary>The measurements of one image. A value is null if it has not been measured.</summary>
/// <param name="Name">The image's name in tables.</param>
public sealed record Measurements(string Name)
{
    public ImageFacts? Image { get; init; }

    public ProcessFacts? Process { get; init; }

    /// <summary>Time of a build without cache.</summary>
    public TimeSpan? BuildTime { get; init; }

    /// <summary>Time from the start of the container's program to the first answer.</summary>
    public TimeSpan? FirstHello { get; init; }

    /// <summary>Resident memory of the process after its first answer, in bytes.</summary>
    public long? MemoryAfterStart { get; init; }

    /// <summary>Peak of the resident memory, including the load, in bytes.</summary>
    public long? MemoryUnderLoad { get; init; }

    /// <summary>Requests answered per second under load.</summary>
    public double? RequestsPerSecond { get; init; }

    /// <summary>Latency that half of the requests did not exceed.</summary>
    public TimeSpan? LatencyP50 { get; init; }

    /// <summary>Latency that 99 in 100 requests did not exceed.</summary>
    public TimeSpan? LatencyP99 { get; init; }

    /// <summary>The lowest and the highest value of several runs, by the name of the figure and in the unit of its number.</summary>
    public IReadOnlyDictionary<string, (double Lowest, double Highest)> Ranges { get; init; } = new Dictionary<string, (double, double)>();
}
