namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison as Markdown.</summary>
internal static class ComparisonMarkdown
{
    /// <summary>The six figures of the short table.</summary>
    private static readonly Figure[] Short =
        [Figure.UnpackedSize, Figure.FirstHello, Figure.MemoryAfterStart, Figure.RequestsPerSecond, Figure.User, Figure.Shell];

    /// <summary>Six rows of the table, and one line with the date and the reference.</summary>
    public static string WriteShort(ComparisonResult result)
    {
        const string StandIns = " The base images were stand-ins, because their registry could not be reached. The real `alpine` has other sizes.";
        return Format.Invariant($"{TableOf(result, Short)}\nMeasured on {result.Conditions.Date.UtcDateTime:yyyy-MM-dd}. ")
            + $"{BracketsOf(result)}{(result.Conditions.StandIns.Count > 0 ? StandIns : "")}\n";
    }

    /// <summary>The whole comparison: a table with a row for each figure, then a list of conditions and failures.</summary>
    public static string Write(ComparisonResult result)
    {
        IEnumerable<string> notes =
        [
            .. result.Conditions.Lines.Select(l => $"- {l.Name}: {l.Text}\n"),
            .. result.Failures.Select(f => $"- Not measured: {Table.Escape(f)}\n"),
        ];
        return $"{TableOf(result, Figure.All)}\n{BracketsOf(result)}\n\n{string.Concat(notes)}";
    }

    private static string TableOf(ComparisonResult result, IEnumerable<Figure> figures) =>
        new Table(["", .. result.Images.Select(i => $"`{i.Name}`")], Figure.Rows(result.Images, figures)).ToMarkdown();

    private static string BracketsOf(ComparisonResult result) => $"In brackets: the ratio to `{result.Images[0].Name}`, where the runs tell the two apart.";
}
