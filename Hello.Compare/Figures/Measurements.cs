using Hello.Compare.Images;

namespace Hello.Compare.Figures;

/// <summary>What has been measured of one build; null is what has not been.</summary>
/// <param name="Build">The build.</param>
public sealed record Measurements(HelloImage Build)
{
    /// <summary>What the image is.</summary>
    public ImageFacts? Image { get; init; }

    /// <summary>What the running process is.</summary>
    public ProcessFacts? Process { get; init; }

    /// <summary>Time of a build that took nothing from the cache.</summary>
    public TimeSpan? BuildTime { get; init; }

    /// <summary>From the start of the container to the first answer.</summary>
    public TimeSpan? FirstHello { get; init; }

    /// <summary>Resident memory of the process after its first answer.</summary>
    public long? MemoryAfterStart { get; init; }

    /// <summary>The most resident memory that the process has held, load included.</summary>
    public long? MemoryUnderLoad { get; init; }

    /// <summary>Requests answered a second under load.</summary>
    public double? RequestsPerSecond { get; init; }

    /// <summary>Latency that half of the requests did not exceed.</summary>
    public TimeSpan? LatencyP50 { get; init; }

    /// <summary>Latency that 99 in 100 requests did not exceed.</summary>
    public TimeSpan? LatencyP99 { get; init; }
}
