namespace Hello.Compare.Figures;

/// <summary>Measures several candidates in rounds.</summary>
public static class Interleaving
{
    /// <summary>Measures every candidate once in each round, and another one first each time.</summary>
    /// <remarks>Whatever slows the machine down for a while then slows all candidates, so that ratios between them hold.</remarks>
    /// <param name="candidates">What is measured.</param>
    /// <param name="rounds">How many rounds there are.</param>
    /// <param name="measure">Measures one candidate. It is given the number of the round, from 1.</param>
    public static async Task RunAsync<T>(IReadOnlyList<T> candidates, int rounds, Func<T, int, Task> measure)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(measure);
        for (var round = 0; round < rounds; round++)
        {
            for (var turn = 0; turn < candidates.Count; turn++)
            {
                await measure(candidates[(round + turn) % candidates.Count], round + 1);
            }
        }
    }
}
