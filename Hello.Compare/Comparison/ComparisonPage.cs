namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison as one HTML file that refers to no other file.</summary>
internal static class ComparisonPage
{
    /// <summary>The figures that the page shows as bars, in this order.</summary>
    private static readonly Figure[] Charted =
    [
        Figure.UnpackedSize, Figure.CompressedSize, Figure.FirstHello, Figure.BuildTime,
        Figure.MemoryAfterStart, Figure.MemoryUnderLoad, Figure.RequestsPerSecond, Figure.LatencyP99,
    ];

    public static string Write(ComparisonResult result)
    {
        using var template = new StreamReader(typeof(ComparisonPage).Assembly.GetManifestResourceStream(typeof(ComparisonPage), "ComparisonPage.html")!);
        var names = result.Images.Select(i => i.Name).ToArray();
        var page = new StringBuilder(template.ReadToEnd());
        page.Replace("{{headline}}", Encode(result.Headline));
        var several = Format.Invariant($"{names.Length} images, measured in turns on one machine. Ratios are to {names[0]}.");
        page.Replace("{{subject}}", Encode(names.Length == 1 ? $"One image: {names[0]}." : several));
        page.Replace("{{failures}}", string.Concat(result.Failures.Select(f => $"<p class=\"failures\">Not measured: {Encode(f)}</p>\n")));
        page.Replace("{{charts}}", string.Join('\n', Charted.Select(f => Chart(f, result.Images))));
        page.Replace("{{images}}", string.Concat(names.Select(n => $"<th role=\"columnheader\" scope=\"col\">{Encode(n)}</th>")));
        page.Replace("{{rows}}", string.Join('\n', Figure.All.Select(f => Row(f, result.Images))));
        page.Replace("{{contents}}", string.Join('\n', result.Images.Select(i => Contents(i, result.Images))));
        page.Replace("{{conditions}}", string.Join('\n', result.Conditions.Lines.Select(l => $"<dt>{Encode(l.Name)}</dt><dd>{Encode(l.Text)}</dd>")));
        return page.ToString();
    }

    /// <summary>A chart with a bar for each image. The length of a bar is proportional to the value. A line over it goes from the lowest value to the highest.</summary>
    private static string Chart(Figure figure, IReadOnlyList<Measurements> images)
    {
        var values = figure.Row(images);
        var ranges = values.Select(v => v?.Runs?.Range).ToArray();
        var largest = values.Select(v => v?.Number ?? 0).Concat(ranges.Select(r => r?.Highest ?? 0)).Max();
        if (largest <= 0)
        {
            return "";
        }

        var bars = values.Select((value, i) =>
        {
            var spread = ranges[i] is { } range && range.Highest > range.Lowest
                ? Format.Invariant($"<span class=\"spread\" style=\"left:{range.Lowest / largest:0.##%};width:{(range.Highest - range.Lowest) / largest:0.##%}\"></span>")
                : "";
            var text = Encode(value?.WithRatio(values[0]) ?? "not measured");
            var bar = Format.Invariant($"<span class=\"bar\" style=\"width:{(value?.Number ?? 0) / largest:0.##%}\"></span>");
            return $"<li{(i == 0 ? " class=\"reference\"" : "")}><span class=\"name\">{Encode(images[i].Name)}</span> "
                + $"<span class=\"value\">{text}</span><span class=\"track\">{bar}{spread}</span></li>";
        });
        return $"""
            <figure><figcaption>{Encode(figure.Name)} <small>{(figure.Better == Better.Higher ? "higher is better" : "lower is better")}</small></figcaption>
            <ul class="bars">{string.Concat(bars)}</ul></figure>
            """;
    }

    private static string Row(Figure figure, IReadOnlyList<Measurements> images)
    {
        var values = figure.Row(images);
        var cells = values.Select((value, i) =>
        {
            var ratio = value?.RatioTo(values[0]) is { } times ? $" <small>{Encode(times)}</small>" : "";
            return $"<td role=\"cell\" data-image=\"{Encode(images[i].Name)}\"><span>{Encode(value?.Text ?? "–")}{ratio}</span></td>";
        });
        return $"<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">{Encode(figure.Name)}</th>{string.Concat(cells)}</tr>";
    }

    /// <summary>The layers of an image as one bar, all images on one scale, and the files that deserve a look.</summary>
    private static string Contents(Measurements image, IReadOnlyList<Measurements> images)
    {
        if (image.Image?.Contents is not { } contents)
        {
            return "";
        }

        var largest = Math.Max(images.Max(i => i.Image?.UnpackedBytes ?? 0), 1);
        var layers = contents.Layers.Where(l => l.Bytes > 0).Select(l => Format.Invariant($"<span style=\"width:{(double)l.Bytes / largest:0.###%}\"></span>"));
        var label = Format.Invariant($"{contents.Layers.Count} layers, {Format.Bytes(image.Image.UnpackedBytes)}");
        return $"""
            <section><h3>{Encode(image.Name)}</h3>
            <div class="stack" role="img" aria-label="{Encode(label)}">{string.Concat(layers)}</div>
            {string.Join('\n', ImageContentsText.Lists(contents).Select(list => $"<h4>{Encode(list.Title)}</h4>\n{List(list.Lines)}"))}
            </section>
            """;

        static string List(IReadOnlyList<(string Size, string What)> lines) =>
            lines.Count == 0 ? "<p>none</p>" : $"<ul>{string.Concat(lines.Select(l => $"<li>{Size(l.Size)}<span>{Encode(l.What)}</span></li>"))}</ul>";

        static string Size(string size) => size.Length == 0 ? "" : $"<span class=\"value\">{Encode(size)}</span> ";
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
