using System.Text.RegularExpressions;
using Hello.Compare.Engine;

namespace Hello.Compare.Comparison;

/// <summary>The part of the README between two markers, which holds the comparison.</summary>
public static partial class ReadmeTable
{
    /// <summary>Replaces the comparison. The line ends of the README, LF or CRLF, stay.</summary>
    /// <exception cref="MeasurementException">A marker is missing or there twice, or they are in the wrong order.</exception>
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
