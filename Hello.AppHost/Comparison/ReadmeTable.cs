namespace Hello.AppHost.Comparison;

/// <summary>The place in the README that holds the comparison.</summary>
internal static class ReadmeTable
{
    private const string Begin = "<!-- comparison -->\n";
    private const string End = "<!-- /comparison -->";

    /// <summary>Puts a text between the two markers.</summary>
    /// <param name="readme">The README's text.</param>
    /// <param name="table">What is to stand there.</param>
    /// <returns>The new text.</returns>
    /// <exception cref="MeasurementException">The markers are not there, once each and in order.</exception>
    public static string Replace(string readme, string table) =>
        readme.Split(Begin) is [var before, var rest] && rest.Split(End) is [_, var after]
            ? $"{before}{Begin}\n{table}\n{End}{after}"
            : throw new MeasurementException($"README.md must have the lines '{Begin.Trim()}' and '{End}' once each, in this order.");
}
