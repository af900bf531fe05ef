namespace Hello.Compare.Figures;

/// <summary>Writes numbers the same way on every machine.</summary>
public static class Format
{
    /// <summary>Formats with the invariant culture.</summary>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Writes a size as people say it: "47 B", "8.0 kB", "11.7 MB", "2.10 GB". A kilobyte has 1,000 bytes.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1_000 => Invariant($"{bytes} B"),
        < 999_950 => Invariant($"{bytes / 1e3:N1} kB"),
        < 999_950_000 => Invariant($"{bytes / 1e6:N1} MB"),
        _ => Invariant($"{bytes / 1e9:N2} GB"),
    };

    /// <summary>Writes a ratio: "0.14×", "1.9×", "12×".</summary>
    /// <param name="digits">Significant digits of a ratio below 10. A larger one is rounded to a whole number.</param>
    /// <param name="rounding">A lower bound is rounded down, and an upper bound up.</param>
    public static string Ratio(double ratio, int digits = 2, MidpointRounding rounding = MidpointRounding.ToEven)
    {
        if (ratio == 0)
        {
            return "0×";
        }

        var decimals = Math.Max(digits - 1 - (int)Math.Floor(Math.Log10(ratio)), 0);
        var rounded = Math.Round(ratio, Math.Min(decimals, 15), rounding);
        // Rounding may have added a digit: with two digits, 0.0995 is 0.10, not 0.100.
        decimals = Math.Max(digits - 1 - (int)Math.Floor(Math.Log10(rounded == 0 ? ratio : rounded)), 0);
        return $"{rounded.ToString($"N{decimals}", CultureInfo.InvariantCulture)}×";
    }
}
