namespace Hello.Compare.Figures;

/// <summary>Which of two values is the better one.</summary>
public enum Better { Neither, Lower, Higher }

/// <summary>The unit of a value.</summary>
public enum Unit { Text, Number, Bytes, Seconds }

/// <summary>One figure of the comparison. Its name, definition and format are the same in the terminal, the page, the README and the dashboard.</summary>
/// <param name="Name">The name for a reader. <see cref="Key"/> is made of it.</param>
/// <param name="Of">Gets its value; null if it has not been measured.</param>
public sealed record Figure(string Name, Unit Unit, Better Better, Func<Measurements, FigureValue?> Of)
{
    /// <summary>How late an engine may note the start of a program.</summary>
    private static readonly TimeSpan StartResolution = TimeSpan.FromMilliseconds(5);

    /// <summary>Sum of the files in all layers.</summary>
    public static readonly Figure UnpackedSize = Size("Unpacked size", i => i.UnpackedBytes);

    /// <summary>Sum of the compressed layers, which a registry transfers.</summary>
    public static readonly Figure CompressedSize = Size("Compressed size", i => i.CompressedBytes, i => i.Contents.IsCompressedEstimated);

    /// <summary>The bytes of files that an upper layer replaces or deletes. It has no ratio, because an image may have next to none.</summary>
    public static readonly Figure Wasted =
        new("Wasted", Unit.Bytes, Better.Lower, m => m.Image is { } i ? Bytes(i.Contents.WastedBytes) with { HasRatio = false } : null);

    public static readonly Figure Layers = Count("Layers", Better.Neither, m => m.Image?.Layers);

    public static readonly Figure Files = Count("Files", Better.Lower, m => m.Image?.Files);

    /// <summary>The user that the image configures.</summary>
    public static readonly Figure User = Text("User", i => i.User);

    /// <summary>Effective IDs of process 1.</summary>
    public static readonly Figure Ids =
        new("UID:GID", Unit.Text, Better.Neither, m => m.Process is { } p ? new(Format.Invariant($"{p.Uid}:{p.Gid}")) : null);

    /// <summary>The processes in the container.</summary>
    public static readonly Figure Processes = Count("Processes", Better.Lower, m => m.Process?.Processes);

    /// <summary>Effective capabilities of process 1.</summary>
    public static readonly Figure Capabilities = Count("Capabilities", Better.Neither, m => m.Process?.Capabilities);

    public static readonly Figure Shell = Text("Shell", i => List(i.Shells));

    public static readonly Figure PackageManager = Text("Package manager", i => List(i.PackageManagers));

    /// <summary>Whether the program that the image starts is static or dynamic.</summary>
    public static readonly Figure Binary = Text("Binary", i => i.IsStatic switch { true => "static", false => "dynamic", null => "not an ELF file" });

    /// <summary>The base image of the last stage.</summary>
    public static readonly Figure Base = Text("Base", i => $"{i.Base ?? "unknown"}{(i.StandIns.Contains(i.Base) ? " (stand-in)" : "")}");

    /// <summary>The system and the processor that the image is for.</summary>
    public static readonly Figure Platform =
        new("Platform", Unit.Text, Better.Neither, m => m.Image is { } i ? new($"{i.Platform}{(m.IsEmulated ? " (emulated)" : "")}") : null);

    /// <summary>Time of a build without cache whose base images are there. Measured once.</summary>
    public static readonly Figure BuildTime = new("Build without cache", Unit.Seconds, Better.Lower, m => Measured(m[BuildTime!], s => Format.Invariant($"{s:N1} s")));

    /// <summary>Time from the start of the container's program, as the engine notes it, to the first answer on the container's own network.</summary>
    public static readonly Figure FirstHello = new("Start to first hello", Unit.Seconds, Better.Lower, m => Measured(m[FirstHello!], StartText) is { } value
        ? value with { Resolution = StartResolution.TotalSeconds }
        : null);

    /// <summary>Resident memory of the processes a second after the first answer.</summary>
    public static readonly Figure MemoryAfterStart = new("Memory after start", Unit.Bytes, Better.Lower, m => Memory(m, MemoryAfterStart!));

    /// <summary>Peak of the resident memory, including the load.</summary>
    public static readonly Figure MemoryUnderLoad = new("Memory under load, peak", Unit.Bytes, Better.Lower, m => Memory(m, MemoryUnderLoad!));

    /// <summary>Requests answered per second under load, once the rate is steady.</summary>
    public static readonly Figure RequestsPerSecond = new("Requests per second", Unit.Number, Better.Higher, m => Measured(
        m[RequestsPerSecond!], rate => rate < 100 ? Format.Invariant($"{rate:N1}") : Format.Invariant($"{rate:N0}")));

    /// <summary>Median latency under load.</summary>
    public static readonly Figure LatencyP50 = new("Latency, p50", Unit.Seconds, Better.Lower, m => Measured(m[LatencyP50!], Milliseconds));

    /// <summary>99th percentile of the latency under load.</summary>
    public static readonly Figure LatencyP99 = new("Latency, p99", Unit.Seconds, Better.Lower, m => Measured(m[LatencyP99!], Milliseconds));

    /// <summary>All figures, in the order of the table.</summary>
    public static readonly IReadOnlyList<Figure> All =
    [
        UnpackedSize, CompressedSize, Wasted, Layers, Files, User, Ids, Processes, Capabilities, Shell, PackageManager, Binary, Base, Platform,
        BuildTime, FirstHello, MemoryAfterStart, MemoryUnderLoad, RequestsPerSecond, LatencyP50, LatencyP99,
    ];

    /// <summary>The name in comparison.json: "unpackedSize" for "Unpacked size".</summary>
    public string Key { get; } = string.Concat(Name.Split([' ', ',', ':'], StringSplitOptions.RemoveEmptyEntries)
        .Select((word, i) => i == 0 ? word.ToLowerInvariant() : $"{char.ToUpperInvariant(word[0])}{word[1..].ToLowerInvariant()}"));

    /// <summary>The comparison as a table: a row for each figure, a column for each image.</summary>
    internal static IReadOnlyList<IReadOnlyList<string>> Rows(IReadOnlyList<Measurements> images, IEnumerable<Figure> figures) =>
        [.. figures.Select(f => (string[])[f.Name, .. f.Cells(images)])];

    /// <summary>Figures are the same if they have the same name.</summary>
    public bool Equals(Figure? other) => Name == other?.Name;

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

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

    private static Figure Size(string name, Func<ImageFacts, long> size, Func<ImageFacts, bool>? isEstimated = null) =>
        new(name, Unit.Bytes, Better.Lower, m => m.Image is { } i ? Bytes(size(i), isEstimated?.Invoke(i) ?? false) : null);

    private static Figure Text(string name, Func<ImageFacts, string> text) =>
        new(name, Unit.Text, Better.Neither, m => m.Image is { } i ? new(text(i)) : null);

    private static Figure Count(string name, Better better, Func<Measurements, int?> count) =>
        new(name, Unit.Number, better, m => count(m) is { } c ? new(Format.Invariant($"{c:N0}"), c) : null);

    private static string List(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);

    private static FigureValue Bytes(long bytes, bool isEstimated = false) =>
        new($"{(isEstimated ? "≈ " : "")}{Format.Bytes(bytes)}", bytes, Exact: isEstimated ? null : Format.Invariant($"{bytes:N0} B"));

    private static FigureValue? Measured(Spread? runs, Func<double, string> text) =>
        runs?.Median is { } median ? new(text(median), median) { Runs = runs } : null;

    /// <summary>Memory that several processes share counts once. The text says so, because other tools show the sum.</summary>
    private static FigureValue? Memory(Measurements image, Figure figure) => Measured(
        image[figure], bytes => Format.Bytes((long)bytes) + (image.Process is { Processes: > 1 and var n } ? Format.Invariant($", PSS of {n} processes") : ""));

    private static string Milliseconds(double seconds) => (seconds * 1e3) switch
    {
        < 10 and var ms => Format.Invariant($"{ms:N2} ms"),
        < 100 and var ms => Format.Invariant($"{ms:N1} ms"),
        var ms => Format.Invariant($"{ms:N0} ms"),
    };

    private static string StartText(double seconds)
    {
        var (steps, step) = (Math.Max(Math.Round(seconds / StartResolution.TotalSeconds), 1), StartResolution.TotalMilliseconds);
        return Format.Invariant($"{steps * step:N0} ± {step:N0} ms");
    }
}
