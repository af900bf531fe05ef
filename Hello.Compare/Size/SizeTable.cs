using Hello.Compare.Figures;

namespace Hello.Compare.Size;

/// <summary>Writes a size report for a terminal.</summary>
internal static class SizeTable
{
    /// <summary>A namespace has a row of its own if its bytes or its change reach this number.</summary>
    private const long Least = 20_000;

    /// <summary>Writes a row for each assembly, the largest first. Below it is a row for each of its large namespaces.</summary>
    /// <param name="earlier">The report to show the changes since; null if this platform has none.</param>
    /// <returns>The table, then the budget and the conditions.</returns>
    public static string Write(SizeReport report, SizeReport? earlier)
    {
        List<string[]> rows = [];
        foreach (var assembly in report.ChangesSince(earlier ?? report).GroupBy(c => c.Assembly).OrderByDescending(a => a.Sum(c => c.Bytes)).ThenBy(a => a.Key, StringComparer.Ordinal))
        {
            Add(assembly.Key, assembly.Sum(c => c.Bytes), assembly.Sum(c => c.Change));
            foreach (var change in assembly.Where(c => Math.Max(c.Bytes, Math.Abs(c.Change)) >= Least && c.Assembly != SizeReport.Rest).OrderByDescending(c => c.Bytes))
            {
                Add($"  {(change.Namespace.Length > 0 ? change.Namespace : "(no namespace)")}", change.Bytes, change.Change);
            }
        }

        Add("Total", report.Bytes, report.Bytes - (earlier ?? report).Bytes);
        var (rid, sdk) = (report.Conditions.Rid, report.Conditions.Sdk);
        string[] notes =
        [
            report.Budget is { } budget ? Format.Invariant($"Budget: {budget:N0} bytes, of which {budget - report.Bytes:N0} are left") : $"Budget: none has been set for {rid}",
            $"Published for {rid} with SDK {sdk}",
            .. earlier is null ? [$"There are no figures for {rid} yet. 'size --update' writes them."]
                : earlier.Conditions != report.Conditions ? [$"The earlier figures are of SDK {earlier.Conditions.Sdk}: it explains some of the changes."]
                : Array.Empty<string>(),
        ];
        return $"{new Table(["", "bytes", "change"], rows).ToText()}\n{string.Join('\n', notes)}\n";

        void Add(string label, long size, long change) =>
            rows.Add([label, Format.Invariant($"{size:N0}"), change == 0 ? "" : Format.Invariant($"{change:+#,0;-#,0}")]);
    }
}
