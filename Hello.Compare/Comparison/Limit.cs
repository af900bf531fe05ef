namespace Hello.Compare.Comparison;

/// <summary>A limit to which a figure of each image is held: <c>Unpacked size=12MB</c>.</summary>
/// <param name="Number">The highest value in the base unit, or the lowest one if higher is better; null if the figure is a text.</param>
/// <param name="Text">The limit as the user wrote it. A figure that is a text must be the same.</param>
internal sealed partial record Limit(Figure Figure, double? Number, string Text)
{
    /// <summary>The names of units and how much they are, and an example for each kind of figure. A kilobyte has 1,000 bytes.</summary>
    private static readonly Dictionary<Unit, (string Example, Dictionary<string, decimal> Names)> Units = new()
    {
        [Unit.Number] = ("5", new() { [""] = 1 }),
        [Unit.Bytes] = ("12MB", new(
            [new("B", 1), new("kB", 1e3M), new("MB", 1e6M), new("GB", 1e9M), new("KiB", 1 << 10), new("MiB", 1 << 20), new("GiB", 1 << 30)],
            StringComparer.OrdinalIgnoreCase)),
        [Unit.Seconds] = ("100ms", new([new("ms", 1e-3M), new("s", 1), new("min", 60)], StringComparer.OrdinalIgnoreCase)),
    };

    public static Limit Parse(string text)
    {
        if (text.Split('=', 2, StringSplitOptions.TrimEntries) is not [var name, { Length: > 0 } value])
        {
            throw new MeasurementException($"'{text}' is no limit. Write, for example: --limit \"Unpacked size=12MB\"");
        }

        var figure = Figure.All.FirstOrDefault(f => ((string[])[f.Name, f.Key]).Contains(name, StringComparer.OrdinalIgnoreCase))
            ?? throw new MeasurementException($"--limit knows no figure '{name}'. Choose from: {string.Join("; ", Figure.All.Select(f => f.Name))}");
        if (figure.Unit == Unit.Text)
        {
            return new(figure, null, value);
        }

        var (example, units) = Units[figure.Unit];
        return NumberAndUnit().Match(value) is { Success: true } match && units.TryGetValue(match.Groups["unit"].Value, out var unit)
            ? new(figure, (double)(decimal.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) * unit), value)
            : throw new MeasurementException($"'{value}' is no limit for {figure.Name}. Write, for example: --limit \"{figure.Name}={example}\"");
    }

    /// <summary>One line if the image breaks the limit; null if it keeps it.</summary>
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
