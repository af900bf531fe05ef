using System.Text.RegularExpressions;
using Hello.Compare.Engine;

namespace Hello.Compare.Figures;

/// <summary>A part of a page between two markers, which holds what was measured.</summary>
internal static class MarkedPart
{
    /// <summary>The name of the comparison's markers.</summary>
    public const string Comparison = "comparison";

    /// <summary>The name of the benchmark's markers.</summary>
    public const string Benchmark = "benchmark";

    /// <summary>Replaces what is between the markers of a file. Its line ends, LF or CRLF, stay.</summary>
    /// <param name="name">The name of the markers.</param>
    /// <param name="write">Whether to write the file. Otherwise it is only checked.</param>
    /// <exception cref="MeasurementException">A marker is missing or there twice, or they are in the wrong order.</exception>
    public static async Task ReplaceInFileAsync(string file, string name, string text, bool write, CancellationToken cancellationToken)
    {
        var replaced = Replace(await File.ReadAllTextAsync(file, cancellationToken), Path.GetFileName(file), name, text);
        if (write)
        {
            await File.WriteAllTextAsync(file, replaced, cancellationToken);
        }
    }

    /// <summary>Replaces what is between the markers. The line ends of the page, LF or CRLF, stay.</summary>
    /// <param name="file">The name of the page, for the error.</param>
    /// <param name="name">The name of the markers.</param>
    /// <exception cref="MeasurementException">A marker is missing or there twice, or they are in the wrong order.</exception>
    public static string Replace(string page, string file, string name, string text)
    {
        var place = Regex.Matches(page, $"<!-- {name} -->[ \\t]*(?<end>\\r?\\n).*?<!-- /{name} -->", RegexOptions.Singleline);
        if (place is not [var only] || Regex.Count(page, $"<!-- /?{name} -->") != 2)
        {
            throw new MeasurementException($"{file} must have the lines '<!-- {name} -->' and '<!-- /{name} -->' once each, in this order.");
        }

        var lineEnd = only.Groups["end"].Value;
        return $"{page[..only.Index]}{$"<!-- {name} -->\n\n{text.Trim()}\n\n<!-- /{name} -->".ReplaceLineEndings(lineEnd)}{page[(only.Index + only.Length)..]}";
    }
}
