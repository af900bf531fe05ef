using System.Net;
using System.Text;
using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison as one HTML file that refers to no other file.</summary>
public static class ComparisonPage
{
    /// <summary>The figures that the page shows as bars, in this order.</summary>
    private static readonly Figure[] Charted =
    [
        Figure.UnpackedSize, Figure.CompressedSize, Figure.FirstHello, Figure.BuildTime,
        Figure.MemoryAfterStart, Figure.MemoryUnderLoad, Figure.RequestsPerSecond, Figure.LatencyP99,
    ];

    /// <summary>Fills in the template ComparisonPage.html.</summary>
    public static string Write(ComparisonResult result)
    {
        using var template = new StreamReader(typeof(ComparisonPage).Assembly.GetManifestResourceStream(typeof(ComparisonPage), "ComparisonPage.html")!);
        var names = result.Images.Select(i => i.Build.Name).ToArray();
        var page = new StringBuilder(template.ReadToEnd());
        page.Replace("{{headline}}", Encode(result.Headline));
        page.Replace("{{count}}", Format.Invariant($"{names.Length}"));
        page.Replace("{{reference}}", Encode(names[0]));
        page.Replace("{{failures}}", string.Concat(result.Failures.Select(f => $"<p class=\"failures\">Not measured: {Encode(f)}</p>\n")));
        page.Replace("{{charts}}", string.Join('\n', Charted.Select(f => Chart(f, result.Images))));
        page.Replace("{{images}}", string.Concat(names.Select(n => $"<th>{Encode(n)}</th>")));
        page.Replace("{{rows}}", string.Join('\n', Figure.All.Select(f => Row(f, result.Images))));
        page.Replace("{{conditions}}", string.Join('\n', result.Conditions.Lines.Select(l => $"<dt>{Encode(l.Name)}</dt><dd>{Encode(l.Text)}</dd>")));
        return page.ToString();
    }

    /// <summary>A chart with a bar for each build. The length of a bar is proportional to the value.</summary>
    private static string Chart(Figure figure, IReadOnlyList<Measurements> images)
    {
        const int Width = 420;
        const int LabelWidth = 115;
        const int ValueWidth = 105;
        const int RowHeight = 24;
        var values = images.Select(figure.Of).ToArray();
        if (values.Max(v => v?.Number) is not ({ } largest and > 0))
        {
            return "";
        }

        var bars = values.Select((value, i) =>
        {
            var length = (value?.Number ?? 0) / largest * (Width - LabelWidth - ValueWidth);
            var top = i * RowHeight;
            return Format.Invariant($"""
                <text x="0" y="{top + 16}">{Encode(images[i].Build.Name)}</text><rect{(i == 0 ? " class=\"reference\"" : "")} x="{LabelWidth}" y="{top + 4}" width="{Math.Max(length, 1):0.#}" height="16" rx="2"/><text x="{LabelWidth + Math.Max(length, 1) + 6:0.#}" y="{top + 16}">{Encode(value?.Text ?? "not measured")}</text>
                """);
        });
        var described = string.Join(", ", images.Select((image, i) => $"{image.Build.Name} {values[i]?.WithRatio(values[0]) ?? "not measured"}"));
        return $"""
            <figure><figcaption>{Encode(figure.Name)} <small>{(figure.Better == Better.Higher ? "higher is better" : "lower is better")}</small></figcaption>
            <svg viewBox="0 0 {Width} {images.Count * RowHeight}" role="img" aria-label="{Encode($"{figure.Name}: {described}")}">{string.Concat(bars)}</svg></figure>
            """;
    }

    private static string Row(Figure figure, IReadOnlyList<Measurements> images)
    {
        var values = images.Select(figure.Of).ToArray();
        var cells = values.Select((value, i) =>
        {
            var ratio = value?.RatioTo(values[0]) is { } times ? $" <small>{Format.Ratio(times, value.RatioDigits)}</small>" : "";
            return $"<td data-image=\"{Encode(images[i].Build.Name)}\"><span>{Encode(value?.Text ?? "–")}{ratio}</span></td>";
        });
        return $"<tr><th>{Encode(figure.Name)}</th>{string.Concat(cells)}</tr>";
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
