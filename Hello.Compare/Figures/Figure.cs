namespace Hello.Compare.Figures;

/// <summary>Which of two values is the better one.</summary>
public enum Better
{
    Neither,
    Lower,
    Higher,
}

/// <summary>One figure of the comparison. Its name, definition and format are the same in the terminal, the page, the README and the dashboard.</summary>
/// <param name="Name">The name for a reader.</param>
/// <param name="Key">The name in comparison.json.</param>
/// <param name="Of">Gets its value; null if it has not been measured.</param>
public sealed record Figure(string Name, string Key, Func<Measurements, FigureValue?> Of, Better Better = Better.Neither)
{
    /// <summary>How late an engine may note the start of a program.</summary>
    private static readonly TimeSpan StartResolution = TimeSpan.FromMilliseconds(5);

    /// <summary>Sum of the files in all layers.</summary>
    public static readonly Figure UnpackedSize = new("Unpacked size", "unpackedSize", m => Bytes(m.Image?.UnpackedBytes), Better.Lower);

    /// <summary>Sum of the compressed layers, which a registry transfers.</summary>
    public static readonly Figure CompressedSize = new("Compressed size", "compressedSize", m => Bytes(m.Image?.CompressedBytes, m.Image?.Contents.IsCompressedEstimated ?? false), Better.Lower);

    /// <summary>The bytes of files that an upper layer replaces or deletes.</summary>
    public static readonly Figure Wasted = new("Wasted", "wasted", m => Bytes(m.Image?.Contents.WastedBytes) is { } value ? value with { HasRatio = false } : null, Better.Lower); // a ratio to some bytes would tell nothing

    public static readonly Figure Layers = new("Layers", "layers", m => Count(m.Image?.Layers));

    public static readonly Figure Files = new("Files", "files", m => Count(m.Image?.Files), Better.Lower);

    /// <summary>The user that the image configures.</summary>
    public static readonly Figure User = new("User", "user", m => Text(m.Image?.User));

    /// <summary>Effective IDs of process 1.</summary>
    public static readonly Figure Ids = new("UID:GID", "uidGid", m => m.Process is null ? null : new(Format.Invariant($"{m.Process.Uid}:{m.Process.Gid}")));

    /// <summary>The processes in the container.</summary>
    public static readonly Figure Processes = new("Processes", "processes", m => Count(m.Process?.Processes), Better.Lower);

    /// <summary>Effective capabilities of process 1.</summary>
    public static readonly Figure Capabilities = new("Capabilities", "capabilities", m => Count(m.Process?.Capabilities.Count));

    public static readonly Figure Shell = new("Shell", "shell", m => List(m.Image?.Shells));

    public static readonly Figure PackageManager = new("Package manager", "packageManager", m => List(m.Image?.PackageManagers));

    /// <summary>Whether the program that the image starts is static or dynamic.</summary>
    public static readonly Figure Binary = new("Binary", "binary", m => m.Image is null ? null : new(m.Image.IsStatic switch { true => "static", false => "dynamic", null => "not an ELF file" }));

    /// <summary>The base image of the last stage.</summary>
    public static readonly Figure Base = new("Base", "base", m => m.Image is null ? null : new($"{m.Image.Base ?? "not told"}{(m.Image.StandIns.Contains(m.Image.Base) ? " (stand-in)" : "")}"));

    /// <summary>What the image runs on.</summary>
    public static readonly Figure Platform = new("Platform", "platform", m => m.Image is null ? null : new($"{m.Image.Platform}{(m.IsEmulated ? " (emulated)" : "")}"));

    /// <summary>Time of a build without cache whose base images are there. Measured once.</summary>
    public static readonly Figure BuildTime = new("Build without cache", "buildWithoutCache", m => Seconds(m[BuildTime!]), Better.Lower);

    /// <summary>Time from the start of the container's program, as the engine notes it, to the first answer on the container's own network.</summary>
    public static readonly Figure FirstHello = new("Start to first hello", "startToFirstHello", m => Rounded(m[FirstHello!], StartResolution), Better.Lower);

    /// <summary>Resident memory of the processes a second after the first answer.</summary>
    public static readonly Figure MemoryAfterStart = new("Memory after start", "memoryAfterStart", m => Memory(m[MemoryAfterStart!], m.Process), Better.Lower);

    /// <summary>Peak of the resident memory, including the load.</summary>
    public static readonly Figure MemoryUnderLoad = new("Memory under load, peak", "memoryUnderLoadPeak", m => Memory(m[MemoryUnderLoad!], m.Process), Better.Lower);

    /// <summary>Requests answered per second under load, once the rate is steady.</summary>
    public static readonly Figure RequestsPerSecond = new("Requests per second", "requestsPerSecond", m => Measured(m[RequestsPerSecond!], rate => rate < 100 ? Format.Invariant($"{rate:N1}") : Format.Invariant($"{rate:N0}")), Better.Higher);

    /// <summary>Median latency under load.</summary>
    public static readonly Figure LatencyP50 = new("Latency, p50", "latencyP50", m => Measured(m[LatencyP50!], Milliseconds), Better.Lower);

    /// <summary>99th percentile of the latency under load.</summary>
    public static readonly Figure LatencyP99 = new("Latency, p99", "latencyP99", m => Measured(m[LatencyP99!], Milliseconds), Better.Lower);

    /// <summary>All figures, in the order of the table.</summary>
    public static readonly IReadOnlyList<Figure> All =
    [
        UnpackedSize, CompressedSize, Wasted, Layers, Files, User, Ids, Processes, Capabilities, Shell, PackageManager, Binary, Base, Platform,
        BuildTime, FirstHello, MemoryAfterStart, MemoryUnderLoad, RequestsPerSecond, LatencyP50, LatencyP99,
    ];

    /// <summary>The comparison as a table: a row for each figure, a column for each image.</summary>
    internal static IReadOnlyList<IReadOnlyList<string>> Rows(IReadOnlyList<Measurements> images) => [.. All.Select(f => (string[])[f.Name, .. f.Cells(images)])];

    /// <summary>Figures are the same if they have the same key.</summary>
    public bool Equals(Figure? other) => Key == other?.Key;

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Key);

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

    private static FigureValue? Text(string? text) => text is null ? null : new(text);

    private static FigureValue? List(IReadOnlyList<string>? names) => names is null ? null : new(names.Count == 0 ? "none" : string.Join(", ", names));

    private static FigureValue? Count(int? count) => count is { } c ? new(Format.Invariant($"{c:N0}"), c) : null;

    private static FigureValue? Bytes(long? bytes, bool isEstimated = false) => bytes is { } b
        ? new($"{(isEstimated ? "≈ " : "")}{Format.Bytes(b)}", b, Exact: isEstimated ? null : Format.Invariant($"{b:N0} B"))
        : null;

    private static FigureValue? Measured(Spread? runs, Func<double, string> text) => runs?.Median is { } median ? new(text(median), median) { Runs = runs } : null;

    private static FigureValue? Seconds(Spread? runs) => Measured(runs, s => Format.Invariant($"{s:N1} s"));

    /// <summary>What several processes share is counted once, so a reader must know that it is not the sum that other tools show.</summary>
    private static FigureValue? Memory(Spread? runs, Probe.ProcessFacts? process) =>
        Measured(runs, bytes => process is { Processes: > 1 and var n } ? Format.Invariant($"{Format.Bytes((long)bytes)}, PSS of {n} processes") : Format.Bytes((long)bytes));

    private static string Milliseconds(double seconds) => (seconds * 1e3) switch
    {
        < 10 and var ms => Format.Invariant($"{ms:N2} ms"),
        < 100 and var ms => Format.Invariant($"{ms:N1} ms"),
        var ms => Format.Invariant($"{ms:N0} ms"),
    };

    private static FigureValue? Rounded(Spread? runs, TimeSpan resolution)
    {
        return Measured(runs, text: Rounded) is { } value ? value with { Resolution = resolution.TotalSeconds } : null;

        string Rounded(double seconds) =>
            Format.Invariant($"{Math.Max(Math.Round(seconds / resolution.TotalSeconds), 1) * resolution.TotalMilliseconds:N0} ± {resolution.TotalMilliseconds:N0} ms");
    }
}
