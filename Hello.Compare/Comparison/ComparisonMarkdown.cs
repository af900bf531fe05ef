using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison as Markdown.</summary>
public static class ComparisonMarkdown
{
    /// <summary>The figures that tell most in five lines.</summary>
    private static readonly Figure[] Short = [Figure.UnpackedSize, Figure.FirstHello, Figure.MemoryAfterStart, Figure.User, Figure.Shell];

    /// <summary>Five rows of the table, and one line with the date and the reference.</summary>
    internal static string WriteShort(ComparisonResult result)
    {
        var table = new Table(["", .. result.Images.Select(i => $"`{i.Name}`")], [.. Short.Select(f => (string[])[f.Name, .. f.Cells(result.Images)])]).ToMarkdown();
        var standIns = result.Conditions.StandIns.Count > 0 ? " The base images were stand-ins, because their registry could not be reached. The real `alpine` has other sizes." : "";
        return Format.Invariant($"{table}\nMeasured on {result.Conditions.Date.UtcDateTime:yyyy-MM-dd}. In brackets: the ratio to `{result.Images[0].Name}`.{standIns}\n");
    }

    /// <summary>The whole comparison: a table with a row for each figure, then a list of conditions and failures.</summary>
    internal static string Write(ComparisonResult result)
    {
        var table = new Table(["", .. result.Images.Select(i => $"`{i.Name}`")], ComparisonTable.Rows(result.Images)).ToMarkdown();
        IEnumerable<string> notes =
        [
            .. result.Conditions.Lines.Select(l => $"- {l.Name}: {l.Text}\n"),
            .. result.Failures.Select(f => $"- Not measured: {f}\n"),
        ];
        return $"{table}\nIn brackets: the ratio to `{result.Images[0].Name}`.\n\n{string.Concat(notes)}";
    }

    /// <summary>A table with a row for each build. Ratios are to the first build.</summary>
    /// <param name="figures">The columns. A figure that no build has a value for is left out.</param>
    public static string RowPerImage(IReadOnlyList<Measurements> images, IEnumerable<Figure> figures)
    {
        var columns = figures.Where(f => images.Any(i => f.Of(i) is not null)).Select(f => (f.Name, Cells: f.Cells(images))).ToArray();
        return new Table(["Image", .. columns.Select(c => c.Name)], [.. images.Select((image, i) => (string[])[image.Name, .. columns.Select(c => c.Cells[i])])]).ToMarkdown();
    }

    /// <summary>One line that names the base image of each build, and the base images that are stand-ins.</summary>
    public static string Bases(IReadOnlyList<Measurements> images)
    {
        var bases = string.Join(", ", images.Where(i => i.Image is not null).Select(i => $"{i.Name} on `{i.Image!.Base}`"));
        var standIns = images.SelectMany(i => i.Image?.StandIns ?? []).Distinct().ToArray();
        return $"Base images: {bases}.{(standIns.Length > 0 ? $" Stand-ins, because their registry could not be reached: {string.Join(", ", standIns.Select(s => $"`{s}`"))}." : "")}\n";
    }
}
