using System.Globalization;
using System.Text.RegularExpressions;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>A limit to which a figure of each image is held: <c>Unpacked size=12MB</c>.</summary>
/// <param name="Figure">The figure.</param>
/// <param name="Number">The highest value in the base unit, or the lowest one if higher is better; null if the figure is a text.</param>
/// <param name="Text">The limit as the user wrote it. A figure that is a text must be the same.</param>
internal sealed partial record Limit(Figure Figure, double? Number, string Text)
{
    /// <summary>The units by their names, in the base unit of their figures. A kilobyte has 1,000 bytes.</summary>
    private static readonly Dictionary<string, decimal> Units = new(
    [
        new("", 1), new("B", 1), new("kB", 1e3M), new("MB", 1e6M), new("GB", 1e9M), new("KiB", 1 << 10), new("MiB", 1 << 20), new("GiB", 1 << 30),
        new("ms", 1e-3M), new("s", 1), new("min", 60),
    ],
    StringComparer.OrdinalIgnoreCase);

    private static readonly Figure[] Texts = [Figure.User, Figure.Ids, Figure.Shell, Figure.PackageManager, Figure.Binary, Figure.Base, Figure.Platform];
    private static readonly Figure[] Times = [Figure.BuildTime, Figure.FirstHello, Figure.LatencyP50, Figure.LatencyP99];
    private static readonly Figure[] Sizes = [Figure.UnpackedSize, Figure.CompressedSize, Figure.Wasted, Figure.MemoryAfterStart, Figure.MemoryUnderLoad];

    /// <summary>Reads a limit.</summary>
    /// <exception cref="MeasurementException">It is no limit.</exception>
    public static Limit Parse(string text)
    {
        if (text.Split('=', 2, StringSplitOptions.TrimEntries) is not [var name, { Length: > 0 } value])
        {
            throw new MeasurementException($"'{text}' is no limit. Write, for example: --limit \"Unpacked size=12MB\"");
        }

        var figure = Figure.All.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase) || f.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new MeasurementException($"--limit knows no figure '{name}'. Choose from: {string.Join("; ", Figure.All.Select(f => f.Name))}");
        if (Texts.Contains(figure))
        {
            return new(figure, null, value);
        }

        var (example, units) = Sizes.Contains(figure) ? ("12MB", "B|kB|MB|GB|KiB|MiB|GiB") : Times.Contains(figure) ? ("100ms", "ms|s|min") : ("5", "");
        return NumberAndUnit().Match(value) is { Success: true } match && match.Groups["unit"].Value is var unit && units.Split('|').Contains(unit, StringComparer.OrdinalIgnoreCase)
            ? new(figure, (double)(decimal.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) * Units[unit]), value)
            : throw new MeasurementException($"'{value}' is no limit for {figure.Name}. Write, for example: --limit \"{figure.Name}={example}\"");
    }

    /// <summary>What is wrong with an image, in one line; null if it keeps the limit.</summary>
    public string? Check(Measurements image)
    {
        if (Figure.Of(image) is not { } value)
        {
            return $"{image.Name}: {Figure.Name} was not measured, so it is not known whether it keeps the limit of {Text}.";
        }

        if (Number is not { } number)
        {
            return value.Text == Text ? null : $"{image.Name}: {Figure.Name} is {value.Text}, not {Text}.";
        }

        var (isBroken, word) = Figure.Better == Better.Higher ? (value.Number < number, "below") : (value.Number > number, "above");
        return isBroken ? $"{image.Name}: {Figure.Name} is {value.Exact ?? value.Text}, {word} the limit of {Text}." : null;
    }

    [GeneratedRegex(@"^(?<number>[0-9]+([.][0-9]+)?) ?(?<unit>[a-zA-Z]*)$")]
    private static partial Regex NumberAndUnit();
}
