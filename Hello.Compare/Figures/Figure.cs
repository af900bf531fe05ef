using System.Globalization;
using Hello.Compare.Load;

namespace Hello.Compare.Figures;

/// <summary>A figure's value for one build.</summary>
/// <param name="Text">As a reader sees it.</param>
/// <param name="Number">What can be compared; null of what is no number.</param>
/// <param name="RatioDigits">How many significant digits a ratio of it has.</param>
public sealed record FigureValue(string Text, double? Number = null, int RatioDigits = 2)
{
    /// <summary>Text with the ratio to the reference build behind it.</summary>
    /// <param name="reference">The value of the reference build.</param>
    /// <returns>"17,633,424 (0.14×)".</returns>
    public string WithRatio(FigureValue? reference) => RatioTo(reference) is { } ratio ? $"{Text} ({Format.Ratio(ratio, RatioDigits)})" : Text;

    /// <summary>How many times the reference this is.</summary>
    /// <param name="reference">The value of the reference build.</param>
    /// <returns>Null when the two are no numbers, or one and the same value.</returns>
    public double? RatioTo(FigureValue? reference) =>
        Number is { } number && reference is { Number: { } whole and not 0 } && !ReferenceEquals(this, reference) ? number / whole : null;
}

/// <summary>Which of two values is the better one.</summary>
public enum Better
{
    /// <summary>Neither.</summary>
    Neither,

    /// <summary>The lower.</summary>
    Lower,

    /// <summary>The higher.</summary>
    Higher,
}

/// <summary>One line of the comparison. What the terminal, the page, the README and the dashboard call it and how they write it is said here alone.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Of">Its value; null when it has not been measured.</param>
/// <param name="Better">Which value is better.</param>
public sealed record Figure(string Name, Func<Measurements, FigureValue?> Of, Better Better = Better.Neither)
{
    /// <summary>Contents of all layers.</summary>
    public static readonly Figure UnpackedSize = new("Unpacked size", m => Bytes(m.Image?.UnpackedBytes), Better.Lower);

    /// <summary>What a registry transfers.</summary>
    public static readonly Figure CompressedSize = new("Compressed size", m => Bytes(m.Image?.CompressedBytes), Better.Lower);

    /// <summary>Layers of the image.</summary>
    public static readonly Figure Layers = new("Layers", m => Count(m.Image?.Layers));

    /// <summary>Files in the image.</summary>
    public static readonly Figure Files = new("Files", m => Count(m.Image?.Files), Better.Lower);

    /// <summary>The configured user and the IDs that the process has in fact.</summary>
    public static readonly Figure User = new("User", m => m.Image is null ? null : new(m.Image.User));

    /// <summary>Effective IDs of the process.</summary>
    public static readonly Figure Ids = new("UID:GID", m => m.Process is null ? null : new(Format.Invariant($"{m.Process.Uid}:{m.Process.Gid}")));

    /// <summary>Effective capabilities of the process.</summary>
    public static readonly Figure Capabilities = new("Capabilities", m => Count(m.Process?.Capabilities.Count));

    /// <summary>Shells in the image.</summary>
    public static readonly Figure Shell = new("Shell", m => List(m.Image?.Shells));

    /// <summary>Package managers in the image.</summary>
    public static readonly Figure PackageManager = new("Package manager", m => List(m.Image?.PackageManagers));

    /// <summary>Static or dynamic.</summary>
    public static readonly Figure Binary = new("Binary", m => m.Image is null ? null : new(m.Image.IsStatic switch { true => "static", false => "dynamic", null => "not an ELF file" }));

    /// <summary>What the image was built on.</summary>
    public static readonly Figure Base = new("Base", m => m.Image is null ? null : new($"{m.Image.Base}{(m.Image.StandIns.Contains(m.Image.Base) ? " (stand-in)" : "")}"));

    /// <summary>Time of a build without cache.</summary>
    public static readonly Figure BuildTime = new("Build without cache", m => Seconds(m.BuildTime), Better.Lower);

    /// <summary>Start of the container's program to the first answer, no finer than the engine knows the start.</summary>
    public static readonly Figure FirstHello = new("Start to first hello", m => m.FirstHello is { } time ? RoundedMilliseconds(time, Load.FirstHello.EngineResolution) : null, Better.Lower);

    /// <summary>Resident memory after the first answer.</summary>
    public static readonly Figure MemoryAfterStart = new("Memory after start", m => Megabytes(m.MemoryAfterStart), Better.Lower);

    /// <summary>Most resident memory, load included.</summary>
    public static readonly Figure MemoryUnderLoad = new("Memory under load, peak", m => Megabytes(m.MemoryUnderLoad), Better.Lower);

    /// <summary>Requests answered a second under load.</summary>
    public static readonly Figure RequestsPerSecond = new("Requests per second", m => m.RequestsPerSecond is { } rate ? new(Format.Invariant($"{rate:N0}"), rate) : null, Better.Higher);

    /// <summary>Median latency under load.</summary>
    public static readonly Figure LatencyP50 = new("Latency, p50", m => Milliseconds(m.LatencyP50), Better.Lower);

    /// <summary>Latency under load that one request in a hundred exceeds.</summary>
    public static readonly Figure LatencyP99 = new("Latency, p99", m => Milliseconds(m.LatencyP99), Better.Lower);

    /// <summary>All, in the order in which they are shown.</summary>
    public static readonly IReadOnlyList<Figure> All =
    [
        UnpackedSize, CompressedSize, Layers, Files, User, Ids, Capabilities, Shell, PackageManager, Binary, Base,
        BuildTime, FirstHello, MemoryAfterStart, MemoryUnderLoad, RequestsPerSecond, LatencyP50, LatencyP99,
    ];

    /// <summary>The values of all builds as a reader sees them, with the ratios to the first.</summary>
    /// <param name="images">The builds.</param>
    /// <returns>One text each.</returns>
    public string[] Cells(IReadOnlyList<Measurements> images)
    {
        var values = images.Select(Of).ToArray();
        return [.. values.Select(v => v?.WithRatio(values[0]) ?? "–")];
    }

    private static FigureValue? Bytes(long? bytes) => bytes is { } b ? new(Format.Invariant($"{b:N0} B"), b) : null;

    private static FigureValue? Megabytes(long? bytes) => bytes is { } b ? new(Format.Invariant($"{b / 1e6:N1} MB"), b) : null;

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

/// <summary>Writes numbers the same way on every machine.</summary>
public static class Format
{
    /// <summary>Formats without the machine's culture.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text.</returns>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Writes a ratio: "0.14×", "1.9×", "12×".</summary>
    /// <param name="ratio">The ratio.</param>
    /// <param name="digits">How many significant digits it has below 10.</param>
    public static string Ratio(double ratio, int digits = 2)
    {
        if (ratio == 0)
        {
            return "0×";
        }

        var decimals = Math.Max(digits - 1 - (int)Math.Floor(Math.Log10(ratio)), 0);
        var rounded = Math.Round(ratio, Math.Min(decimals, 15));
        // 0.0995 is 0.10 with two digits, not 0.100.
        decimals = Math.Max(digits - 1 - (int)Math.Floor(Math.Log10(rounded == 0 ? ratio : rounded)), 0);
        return $"{rounded.ToString($"N{decimals}", CultureInfo.InvariantCulture)}×";
    }
}
