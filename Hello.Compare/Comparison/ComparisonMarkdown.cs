using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison as Markdown.</summary>
internal static class ComparisonMarkdown
{
    /// <summary>The figures that tell most in six lines.</summary>
    private static readonly Figure[] Short = [Figure.UnpackedSize, Figure.FirstHello, Figure.MemoryAfterStart, Figure.RequestsPerSecond, Figure.User, Figure.Shell];

    /// <summary>Six rows of the table, and one line with the date and the reference.</summary>
    public static string WriteShort(ComparisonResult result)
    {
        var table = new Table(["", .. result.Images.Select(i => $"`{i.Name}`")], [.. Short.Select(f => (string[])[f.Name, .. f.Cells(result.Images)])]).ToMarkdown();
        var standIns = result.Conditions.StandIns.Count > 0 ? " The base images were stand-ins, because their registry could not be reached. The real `alpine` has other sizes." : "";
        return Format.Invariant($"{table}\nMeasured on {result.Conditions.Date.UtcDateTime:yyyy-MM-dd}. In brackets: the ratio to `{result.Images[0].Name}`, where the runs tell the two apart.{standIns}\n");
    }

    /// <summary>The whole comparison: a table with a row for each figure, then a list of conditions and failures.</summary>
    public static string Write(ComparisonResult result)
    {
        var table = new Table(["", .. result.Images.Select(i => $"`{i.Name}`")], Figure.Rows(result.Images)).ToMarkdown();
        IEnumerable<string> notes =
        [
            .. result.Conditions.Lines.Select(l => $"- {l.Name}: {l.Text}\n"),
            .. result.Failures.Select(f => $"- Not measured: {f}\n"),
        ];
        return $"{table}\nIn brackets: the ratio to `{result.Images[0].Name}`, where the runs tell the two apart.\n\n{string.Concat(notes)}";
    }
}
