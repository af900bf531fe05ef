using System.Text.RegularExpressions;
using Hello.Compare.Engine;

namespace Hello.Compare.Figures;

/// <summary>A part of the README between two markers, which holds what was measured.</summary>
public static class ReadmeTable
{
    /// <summary>The name of the comparison's markers.</summary>
    public const string Comparison = "comparison";

    /// <summary>The name of the benchmark's markers.</summary>
    public const string Benchmark = "benchmark";

    /// <summary>Replaces what is between the markers. The line ends of the README, LF or CRLF, stay.</summary>
    /// <param name="name">The name of the markers.</param>
    /// <exception cref="MeasurementException">A marker is missing or there twice, or they are in the wrong order.</exception>
    public static string Replace(string readme, string name, string table)
    {
        var place = Regex.Matches(readme, $"<!-- {name} -->[ \\t]*(?<end>\\r?\\n).*?<!-- /{name} -->", RegexOptions.Singleline);
        if (place is not [var only] || Regex.Count(readme, $"<!-- /?{name} -->") != 2)
        {
            throw new MeasurementException($"README.md must have the lines '<!-- {name} -->' and '<!-- /{name} -->' once each, in this order.");
        }

        var lineEnd = only.Groups["end"].Value;
        return $"{readme[..only.Index]}{$"<!-- {name} -->\n\n{table.Trim()}\n\n<!-- /{name} -->".ReplaceLineEndings(lineEnd)}{readme[(only.Index + only.Length)..]}";
    }
}
