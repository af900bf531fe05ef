using System.Text.RegularExpressions;
using Hello.Compare.Engine;

namespace Hello.Compare.Comparison;

/// <summary>The place in the README that holds the comparison, between two markers.</summary>
public static partial class ReadmeTable
{
    /// <summary>Replaces the comparison. The README keeps its line ends.</summary>
    /// <param name="readme">The README's text.</param>
    /// <param name="table">The new comparison.</param>
    /// <exception cref="MeasurementException">The markers are not there, once each and in order.</exception>
    public static string Replace(string readme, string table)
    {
        var place = Place().Matches(readme);
        if (place is not [var only] || Marker().Count(readme) != 2)
        {
            throw new MeasurementException("README.md must have the lines '<!-- comparison -->' and '<!-- /comparison -->' once each, in this order.");
        }

        var lineEnd = only.Groups["end"].Value;
        return $"{readme[..only.Index]}{$"<!-- comparison -->\n\n{table.Trim()}\n\n<!-- /comparison -->".ReplaceLineEndings(lineEnd)}{readme[(only.Index + only.Length)..]}";
    }

    [GeneratedRegex("<!-- comparison -->[ \\t]*(?<end>\\r?\\n).*?<!-- /comparison -->", RegexOptions.Singleline)]
    private static partial Regex Place();

    [GeneratedRegex("<!-- /?comparison -->")]
    private static partial Regex Marker();
}
