namespace Hello.Compare.Figures;

/// <summary>A part of a page between two markers, which holds what was measured.</summary>
/// <param name="Name">The name of the markers: <c>&lt;!-- comparison --&gt;</c> and <c>&lt;!-- /comparison --&gt;</c>.</param>
internal sealed record MarkedPart(string File, string Name)
{
    /// <summary>The page with another text in this part. Its line ends, LF or CRLF, stay.</summary>
    public string PageWith(string text)
    {
        var page = System.IO.File.ReadAllText(File);
        var place = Regex.Matches(page, $"<!-- {Name} -->[ \\t]*(?<end>\\r?\\n).*?<!-- /{Name} -->", RegexOptions.Singleline);
        if (place is not [var only] || Regex.Count(page, $"<!-- /?{Name} -->") != 2)
        {
            throw new MeasurementException($"{Path.GetFileName(File)} must have the lines '<!-- {Name} -->' and '<!-- /{Name} -->' once each, in this order.");
        }

        var part = $"<!-- {Name} -->\n\n{text.Trim()}\n\n<!-- /{Name} -->".ReplaceLineEndings(only.Groups["end"].Value);
        return $"{page[..only.Index]}{part}{page[(only.Index + only.Length)..]}";
    }
}
