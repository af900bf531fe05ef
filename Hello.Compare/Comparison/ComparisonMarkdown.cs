using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison as Markdown.</summary>
public static class ComparisonMarkdown
{
    /// <summary>The whole comparison: a row for each figure, and the conditions.</summary>
    /// <param name="result">The comparison.</param>
    /// <returns>Table and list.</returns>
    public static string Write(ComparisonResult result)
    {
        var table = new Table(["", .. result.Images.Select(i => $"`{i.Build.Name}`")], ComparisonTable.Rows(result.Images)).ToMarkdown();
        IEnumerable<string> notes =
        [
            .. result.Conditions.Lines.Select(l => $"- {l.Name}: {l.Text}\n"),
            .. result.Failures.Select(f => $"- Not measured: {f}\n"),
        ];
        return $"{table}\nIn brackets: the ratio to `{result.Images[0].Build.Name}`.\n\n{string.Concat(notes)}";
    }

    /// <summary>A row for each build; ratios are to the first.</summary>
    /// <param name="images">The builds.</param>
    /// <param name="figures">The columns; those that no build has a value of are left out.</param>
    /// <returns>The table.</returns>
    public static string RowPerImage(IReadOnlyList<Measurements> images, IEnumerable<Figure> figures)
    {
        var columns = figures.Where(f => images.Any(i => f.Of(i) is not null)).Select(f => (f.Name, Cells: f.Cells(images))).ToArray();
        return new Table(["Image", .. columns.Select(c => c.Name)], [.. images.Select((image, i) => (string[])[image.Build.Name, .. columns.Select(c => c.Cells[i])])]).ToMarkdown();
    }

    /// <summary>What the builds are built on, and which of it is a stand-in.</summary>
    /// <param name="images">The builds.</param>
    /// <returns>A line.</returns>
    public static string Bases(IReadOnlyList<Measurements> images)
    {
        var bases = string.Join(", ", images.Where(i => i.Image is not null).Select(i => $"{i.Build.Name} on `{i.Image!.Base}`"));
        var standIns = images.SelectMany(i => i.Image?.StandIns ?? []).Distinct().ToArray();
        return $"Built on: {bases}.{(standIns.Length > 0 ? $" Stand-ins for images whose registry could not be reached: {string.Join(", ", standIns.Select(s => $"`{s}`"))}." : "")}\n";
    }
}
