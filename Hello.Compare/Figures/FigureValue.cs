namespace Hello.Compare.Figures;

/// <summary>A figure's value for one image.</summary>
/// <param name="Text">The value for a reader, with its unit.</param>
/// <param name="Number">The value in its base unit (bytes, seconds, or a number); null if it is not a number.</param>
/// <param name="Exact">The value with all its digits, for a row in which two values differ and have the same text.</param>
public sealed record FigureValue(string Text, double? Number = null, string? Exact = null)
{
    /// <summary>So many runs tell how far a value spreads. With fewer, two values that differ by chance would often look different.</summary>
    private const int RunsToTellApart = 3;

    /// <summary>The values of all runs, of which <see cref="Number"/> is the median; null if the value is the same in each run.</summary>
    internal Spread? Runs { get; init; }

    /// <summary>How far a value may be from the truth, in the base unit.</summary>
    public double Resolution { get; init; }

    /// <summary>Whether its ratio to another value has a meaning.</summary>
    public bool HasRatio { get; init; } = true;

    /// <summary>The text for a row. It has all digits if another value of the row would look the same.</summary>
    public FigureValue Among(IEnumerable<FigureValue?> row) =>
        Exact is not null && row.Any(other => other is not null && other.Text == Text && other.Exact != Exact) ? this with { Text = Exact } : this;

    /// <summary>The text with the ratio to the reference: "17,633,424 B (0.14×)".</summary>
    public string WithRatio(FigureValue? reference) => RatioTo(reference) is { } ratio ? $"{Text} ({ratio})" : Text;

    /// <summary>This number divided by the reference's, as text. It is a bound if the resolution is coarser than a tenth of a number.</summary>
    /// <returns>Null if there is no ratio, or if the runs do not tell the two values apart.</returns>
    public string? RatioTo(FigureValue? reference)
    {
        if (ReferenceEquals(this, reference) || !IsToldApartFrom(reference) || reference!.Number == 0)
        {
            return null;
        }

        var (here, there) = (Number!.Value, reference.Number!.Value);
        if (Resolution <= here / 10 && reference.Resolution <= there / 10)
        {
            return Format.Ratio(here / there);
        }

        var ((lowest, highest), (otherLowest, otherHighest)) = (Runs!.Range, reference.Runs!.Range);
        return here < there
            ? $"< {Format.Ratio((highest + Resolution) / (otherLowest - reference.Resolution), digits: 1, MidpointRounding.ToPositiveInfinity)}"
            : $"> {Format.Ratio((lowest - Resolution) / (otherHighest + reference.Resolution), digits: 1, MidpointRounding.ToZero)}";
    }

    /// <summary>Whether the two values differ by more than chance: the ranges of their runs do not overlap, even if each is twice as wide.</summary>
    public bool IsToldApartFrom(FigureValue? other)
    {
        if (Number is null || other?.Number is null || !HasRatio)
        {
            return false;
        }

        if (Runs is null && other.Runs is null)
        {
            return true;
        }

        var ((lowest, highest), (otherLowest, otherHighest)) = (Wide(), other.Wide());
        return Runs?.Count >= RunsToTellApart && other.Runs?.Count >= RunsToTellApart && (highest < otherLowest || lowest > otherHighest);
    }

    private (double Lowest, double Highest) Wide()
    {
        var (lowest, highest) = Runs?.Range ?? (Number!.Value, Number.Value);
        var more = Resolution + ((highest - lowest) / 2);
        return (lowest - more, highest + more);
    }
}
