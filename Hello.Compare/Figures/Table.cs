namespace Hello.Compare.Figures;

/// <summary>A table. The first column is text and aligned left. The others are figures and aligned right.</summary>
public sealed partial record Table(IReadOnlyList<string> Head, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        foreach (var row in (IEnumerable<IReadOnlyList<string>>)[Head, [.. Head.Select((_, column) => column == 0 ? "---" : "---:")], .. Rows])
        {
            // An empty cell has one space between its bars: https://github.com/DavidAnson/markdownlint/blob/main/doc/md060.md
            text.Append('|').AppendJoin('|', row.Select(cell => cell.Length == 0 ? " " : $" {(ReferenceEquals(row, Head) ? EscapeBar(cell) : Escape(cell))} ")).Append("|\n");
        }

        return text.ToString();
    }

    /// <summary>Writes the table for a terminal, aligned with spaces. If it is wider than the terminal, each column becomes a list.</summary>
    public string ToText(int width = int.MaxValue)
    {
        var text = ToText();
        return text.AsSpan().IndexOf('\n') <= width
            ? text
            : string.Join('\n', Head.Skip(1).Select((name, i) => new Table([name, ""], [.. Rows.Select(row => (string[])[$"  {row[0]}", row[i + 1]])]).ToText()));
    }

    /// <summary>A text that Markdown shows as it is. An image, or a program in it, may have written it.</summary>
    internal static string Escape(string text) => MarkedUp().Replace(text, "\\$0");

    private static string EscapeBar(string code) => code.Replace("|", "\\|", StringComparison.Ordinal);

    /// <summary>Characters that Markdown would interpret. A name in an image may have them.</summary>
    [GeneratedRegex(@"[\\`*\[\]|]|<(?=[a-zA-Z/!?])|&(?=[\w#])")]
    private static partial Regex MarkedUp();

    private string ToText()
    {
        IReadOnlyList<IReadOnlyList<string>> rows = [Head, .. Rows];
        int[] widths = [.. Head.Select((_, column) => rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            var cells = row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }
}
