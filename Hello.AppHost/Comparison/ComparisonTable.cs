using System.Text;

namespace Hello.AppHost.Comparison;

/// <summary>Writes the comparison for a terminal.</summary>
internal static class ComparisonTable
{
    /// <summary>A row for each figure, a column for each build, aligned with spaces.</summary>
    /// <param name="images">The builds; ratios are to the first.</param>
    /// <returns>The table.</returns>
    public static string Write(IReadOnlyList<Measurements> images)
    {
        string[][] rows = [["", .. images.Select(i => i.Build.Name)], .. Figure.All.Select(f => (string[])[f.Name, .. f.Cells(images)])];
        var widths = Enumerable.Range(0, images.Count + 1).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var table = new StringBuilder();
        foreach (var row in rows)
        {
            table.AppendJoin("  ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).Append('\n');
        }

        return table.ToString();
    }
}
