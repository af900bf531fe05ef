using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>The comparison as a table: a row for each figure, a column for each build.</summary>
internal static class ComparisonTable
{
    /// <summary>The rows. Ratios are to the first build.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Rows(IReadOnlyList<Measurements> images) =>
        [.. Figure.All.Select(f => (string[])[f.Name, .. f.Cells(images)])];
}
