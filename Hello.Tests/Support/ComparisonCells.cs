namespace Hello.Tests;

/// <summary>The cells of the table in <c>comparison.md</c>.</summary>
internal sealed class ComparisonCells(string markdown)
{
    public string[] Images => [.. Cells("| | ").Select(name => name.Trim('`'))];

    public string Of(Figure figure, string image) => Cells($"| {figure.Name} | ")[Array.IndexOf(Images, image)];

    /// <summary>The number at the start of a cell: 12345 of "12,345 ms (0.9×)".</summary>
    public double Number(Figure figure, string image) => double.Parse(Of(figure, image).Split(' ')[0], CultureInfo.InvariantCulture);

    public string[] Missing(string image) => [.. Figure.All.Where(figure => Of(figure, image) == "–").Select(figure => figure.Name)];

    private string[] Cells(string start) =>
        Assert.Single(markdown.Split('\n'), line => line.StartsWith(start, StringComparison.Ordinal))[start.Length..].TrimEnd('|', ' ').Split(" | ");
}
