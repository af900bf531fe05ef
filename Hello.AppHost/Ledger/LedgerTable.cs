using System.Text;
using Hello.AppHost.Comparison;

namespace Hello.AppHost.Ledger;

/// <summary>Writes a ledger for a terminal.</summary>
internal static class LedgerTable
{
    /// <summary>Smaller namespaces, and smaller changes of them, are in their assembly's line only.</summary>
    private const long Least = 20_000;

    /// <summary>A row for each assembly, largest first, and below it for each large namespace; aligned with spaces.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="earlier">What the changes are against.</param>
    /// <returns>The table, and under it what is left of the budget.</returns>
    public static string Write(SizeLedger ledger, SizeLedger earlier)
    {
        List<(string Name, string Bytes, string Change)> rows = [("", "bytes", "change")];
        foreach (var assembly in ledger.ChangesSince(earlier).GroupBy(c => c.Assembly).OrderByDescending(a => a.Sum(c => c.Bytes)).ThenBy(a => a.Key, StringComparer.Ordinal))
        {
            Add(assembly.Key, assembly.Sum(c => c.Bytes), assembly.Sum(c => c.Change));
            foreach (var change in assembly.Where(c => Math.Max(c.Bytes, Math.Abs(c.Change)) >= Least && c.Assembly != SizeLedger.Rest).OrderByDescending(c => c.Bytes))
            {
                Add($"  {(change.Namespace.Length > 0 ? change.Namespace : "(no namespace)")}", change.Bytes, change.Change);
            }
        }

        Add("Total", ledger.Bytes, ledger.Bytes - earlier.Bytes);
        var (name, bytes, changes) = (rows.Max(r => r.Name.Length), rows.Max(r => r.Bytes.Length), rows.Max(r => r.Change.Length));
        var table = new StringBuilder();
        foreach (var row in rows)
        {
            table.Append($"{row.Name.PadRight(name)}  {row.Bytes.PadLeft(bytes)}  {row.Change.PadLeft(changes)}".TrimEnd()).Append('\n');
        }

        table.Append(Format.Invariant($"\nBudget: {ledger.Budget:N0} bytes, of which {ledger.Budget - ledger.Bytes:N0} are left\n"));
        table.Append(Format.Invariant($"Published for {ledger.Conditions.Rid} with SDK {ledger.Conditions.Sdk}\n"));
        return ledger.Conditions == earlier.Conditions
            ? table.ToString()
            : table.Append(Format.Invariant($"The ledger is of {earlier.Conditions.Rid} with SDK {earlier.Conditions.Sdk}: the changes are due to that, too\n")).ToString();

        void Add(string label, long size, long change) =>
            rows.Add((label, Format.Invariant($"{size:N0}"), change == 0 ? "" : Format.Invariant($"{change:+#,0;-#,0}")));
    }
}
