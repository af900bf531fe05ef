using System.Text;

namespace Hello.AppHost.Comparison;

/// <summary>Writes the comparison as Markdown tables.</summary>
internal static class ComparisonMarkdown
{
    /// <summary>What stands where nothing was measured.</summary>
    private const string NotMeasured = "–";

    /// <summary>A row for each build; ratios are to the first.</summary>
    /// <param name="images">The builds.</param>
    /// <param name="figures">The columns; those that no build has a value of are left out.</param>
    /// <returns>The table.</returns>
    public static string RowPerImage(IReadOnlyList<Measurements> images, IEnumerable<Figure> figures)
    {
        var columns = Columns(images, figures);
        return Table(["Image", .. columns.Select(c => c.Figure.Name)], images.Select((image, i) => (string[])[image.Build.Name, .. columns.Select(c => c.Cells[i])]));
    }

    /// <summary>A row for each figure; ratios are to the first build.</summary>
    /// <param name="images">The builds, one a column.</param>
    /// <param name="figures">The rows.</param>
    /// <returns>The table.</returns>
    public static string RowPerFigure(IReadOnlyList<Measurements> images, IEnumerable<Figure> figures) =>
        Table(["", .. images.Select(i => $"`{i.Build.Name}`")], figures.Select(f => (string[])[f.Name, .. Cells(f, images)]));

    /// <summary>What the builds are built on, and which of it is a stand-in.</summary>
    /// <param name="images">The builds.</param>
    /// <returns>A line.</returns>
    public static string Bases(IReadOnlyList<Measurements> images)
    {
        var bases = string.Join(", ", images.Where(i => i.Image is not null).Select(i => $"{i.Build.Name} on `{i.Image!.Base}`"));
        var standIns = images.SelectMany(i => i.Image?.StandIns ?? []).Distinct().ToArray();
        return $"Built on: {bases}.{(standIns.Length > 0 ? $" Stand-ins for images whose registry could not be reached: {string.Join(", ", standIns.Select(s => $"`{s}`"))}." : "")}\n";
    }

    private static (Figure Figure, string[] Cells)[] Columns(IReadOnlyList<Measurements> images, IEnumerable<Figure> figures) =>
        [.. figures.Where(f => images.Any(i => f.Of(i) is not null)).Select(f => (f, Cells(f, images)))];

    private static string[] Cells(Figure figure, IReadOnlyList<Measurements> images)
    {
        var values = images.Select(figure.Of).ToArray();
        return [.. values.Select(v => v?.WithRatio(values[0]) ?? NotMeasured)];
    }

    private static string Table(string[] head, IEnumerable<string[]> rows)
    {
        var table = new StringBuilder();
        Row(head);
        Row([.. head.Select((_, i) => i == 0 ? "---" : "---:")]);
        foreach (var row in rows)
        {
            Row(row);
        }

        return table.ToString();

        // A name may hold what would end the cell.
        void Row(string[] cells) => table.Append("| ").AppendJoin(" | ", cells.Select(c => c.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
    }
}
