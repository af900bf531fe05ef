namespace Hello.Compare.Figures;

internal static class Interleaving
{
    /// <summary>Measures every candidate once in each round. Each round begins with another candidate.</summary>
    /// <remarks>If something slows the machine down for a while, it slows all candidates, so their ratios stay right.</remarks>
    public static async Task RunAsync<T>(IReadOnlyList<T> candidates, int rounds, Func<T, int, Task> measure)
    {
        for (var turn = 0; turn < rounds * candidates.Count; turn++)
        {
            var round = turn / candidates.Count;
            await measure(candidates[(round + turn) % candidates.Count], round + 1);
        }
    }
}
