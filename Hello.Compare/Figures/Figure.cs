using Hello.Compare.Load;

namespace Hello.Compare.Figures;

/// <summary>A figure's value for one build.</summary>
/// <param name="Text">The value for a reader, with its unit.</param>
/// <param name="Number">The value as a number; null if it is not a number.</param>
/// <param name="RatioDigits">Significant digits of a ratio. A value that is rounded coarsely has fewer.</param>
/// <param name="Exact">The value with all its digits, for a row in which two values differ and have the same text.</param>
public sealed record FigureValue(string Text, double? Number = null, int RatioDigits = 2, string? Exact = null)
{
    /// <summary>The text for a row. It has all digits if another value of the row would look the same.</summary>
    public FigureValue Among(IEnumerable<FigureValue?> row) =>
        Exact is not null && row.Any(other => other is not null && other.Text == Text && other.Exact != Exact) ? this with { Text = Exact } : this;

    /// <summary>The text with the ratio to the reference: "17,633,424 B (0.14×)".</summary>
    public string WithRatio(FigureValue? reference) => RatioTo(reference) is { } ratio ? $"{Text} ({Format.Ratio(ratio, RatioDigits)})" : Text;

    /// <summary>This number divided by the reference's. Null if one of them is not a number, or if this is the reference itself.</summary>
    public double? RatioTo(FigureValue? reference) =>
        Number is { } number && reference is { Number: { } whole and not 0 } && !ReferenceEquals(this, reference) ? number / whole : null;
}

/// <summary>Which of two values is the better one.</summary>
public enum Better
{
    Neither,
    Lower,
    Higher,
}

/// <summary>One figure of the comparison. Its name and format are defined here for the terminal, the page, the README and the dashboard.</summary>
/// <param name="Of">Gets its value; null if it has not been measured.</param>
public sealed record Figure(string Name, Func<Measurements, FigureValue?> Of, Better Better = Better.Neither)
{
    /// <summary>Sum of the files in all layers.</summary>
    public static readonly Figure UnpackedSize = new("Unpacked size", m => Bytes(m.Image?.UnpackedBytes), Better.Lower);

    /// <summary>Sum of the compressed layers, which a registry transfers.</summary>
    public static readonly Figure CompressedSize = new("Compressed size", m => Bytes(m.Image?.CompressedBytes, m.Image?.Contents.IsCompressedEstimated ?? false), Better.Lower);

    public static readonly Figure Layers = new("Layers", m => Count(m.Image?.Layers));

    public static readonly Figure Files = new("Files", m => Count(m.Image?.Files), Better.Lower);

    /// <summary>The user that the image configures.</summary>
    public static readonly Figure User = new("User", m => m.Image is null ? null : new(m.Image.User));

    /// <summary>Effective IDs of the process.</summary>
    public static readonly Figure Ids = new("UID:GID", m => m.Process is null ? null : new(Format.Invariant($"{m.Process.Uid}:{m.Process.Gid}")));

    /// <summary>Effective capabilities of the process.</summary>
    public static readonly Figure Capabilities = new("Capabilities", m => Count(m.Process?.Capabilities.Count));

    public static readonly Figure Shell = new("Shell", m => List(m.Image?.Shells));

    public static readonly Figure PackageManager = new("Package manager", m => List(m.Image?.PackageManagers));

    /// <summary>Whether the program that the image starts is static or dynamic.</summary>
    public static readonly Figure Binary = new("Binary", m => m.Image is null ? null : new(m.Image.IsStatic switch { true => "static", false => "dynamic", null => "not an ELF file" }));

    /// <summary>The base image of the last stage.</summary>
    public static readonly Figure Base = new("Base", m => m.Image is null ? null : new($"{m.Image.Base ?? "not told"}{(m.Image.StandIns.Contains(m.Image.Base) ? " (stand-in)" : "")}"));

    /// <summary>The bytes of files that an upper layer replaces or deletes.</summary>
    public static readonly Figure Wasted = new("Wasted", m => m.Image is null ? null : new(Format.Bytes(m.Image.Contents.WastedBytes)), Better.Lower); // a ratio to some bytes would tell nothing

    /// <summary>The processes in the container.</summary>
    public static readonly Figure Processes = new("Processes", m => Count(m.Process?.Processes), Better.Lower);

    public static readonly Figure BuildTime = new("Build without cache", m => Seconds(m.BuildTime), Better.Lower);

    /// <summary>Time from the start of the container's program to the first answer, rounded because the engine notes the start late.</summary>
    public static readonly Figure FirstHello = new("Start to first hello", m => m.FirstHello is { } time ? RoundedMilliseconds(time, Load.FirstHello.EngineResolution) : null, Better.Lower);

    /// <summary>Resident memory after the first answer.</summary>
    public static readonly Figure MemoryAfterStart = new("Memory after start", m => Megabytes(m.MemoryAfterStart), Better.Lower);

    /// <summary>Peak of the resident memory, including the load.</summary>
    public static readonly Figure MemoryUnderLoad = new("Memory under load, peak", m => Megabytes(m.MemoryUnderLoad), Better.Lower);

    /// <summary>Requests answered per second under load.</summary>
    public static readonly Figure RequestsPerSecond = new("Requests per second", m => m.RequestsPerSecond is { } rate ? new(Format.Invariant($"{rate:N0}"), rate) : null, Better.Higher);

    /// <summary>Median latency under load.</summary>
    public static readonly Figure LatencyP50 = new("Latency, p50", m => Milliseconds(m.LatencyP50), Better.Lower);

    /// <summary>99th percentile of the latency under load.</summary>
    public static readonly Figure LatencyP99 = new("Latency, p99", m => Milliseconds(m.LatencyP99), Better.Lower);

    /// <summary>All figures, in the order of the table.</summary>
    public static readonly IReadOnlyList<Figure> All =
    [
        UnpackedSize, CompressedSize, Wasted, Layers, Files, User, Ids, Processes, Capabilities, Shell, PackageManager, Binary, Base,
        BuildTime, FirstHello, MemoryAfterStart, MemoryUnderLoad, RequestsPerSecond, LatencyP50, LatencyP99,
    ];

    /// <summary>The value for each image; null where it has not been measured.</summary>
    public FigureValue?[] Row(IReadOnlyList<Measurements> images)
    {
        var values = images.Select(Of).ToArray();
        return [.. values.Select(value => value?.Among(values))];
    }

    /// <summary>The text for each image, with the ratio to the first one.</summary>
    public string[] Cells(IReadOnlyList<Measurements> images)
    {
        var values = Row(images);
        return [.. values.Select(v => v?.WithRatio(values[0]) ?? "–")];
    }

    private static FigureValue? Bytes(long? bytes, bool isEstimated = false) => bytes is { } b
        ? new($"{(isEstimated ? "≈ " : "")}{Format.Bytes(b)}", b, Exact: isEstimated ? null : Format.Invariant($"{b:N0} B"))
        : null;

    private static FigureValue? Megabytes(long? bytes) => bytes is { } b ? new(Format.Bytes(b), b) : null;

    private static FigureValue? Count(int? count) => count is { } c ? new(Format.Invariant($"{c:N0}"), c) : null;

    private static FigureValue? Seconds(TimeSpan? time) => time is { } t ? new(Format.Invariant($"{t.TotalSeconds:N1} s"), t.TotalSeconds) : null;

    private static FigureValue? Milliseconds(TimeSpan? time) => time is { TotalMilliseconds: var ms }
        ? new(
            ms switch
            {
                < 10 => Format.Invariant($"{ms:N2} ms"),
                < 100 => Format.Invariant($"{ms:N1} ms"),
                _ => Format.Invariant($"{ms:N0} ms"),
            },
            ms)
        : null;

    private static FigureValue RoundedMilliseconds(TimeSpan time, TimeSpan resolution)
    {
        var rounded = Math.Max(Math.Round(time / resolution), 1) * resolution.TotalMilliseconds;
        return new(Format.Invariant($"{rounded:N0} ms"), rounded, RatioDigits: 1);
    }

    private static FigureValue? List(IReadOnlyList<string>? names) => names is null ? null : new(names.Count == 0 ? "none" : string.Join(", ", names));
}
