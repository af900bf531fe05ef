namespace Hello.Tests;

/// <summary>Runs cases of a test at the same time, because most of their time is spent waiting.</summary>
internal static class AtOnce
{
    /// <summary>More containers at the same time would slow each other down, and the other tests.</summary>
    private const int Most = 6;

    /// <summary>Runs a test for each case. The error names the cases that fail.</summary>
    public static async Task RunAsync<T>(IEnumerable<T> cases, Func<T, Task> test)
    {
        ConcurrentQueue<string> failures = [];
        await Parallel.ForEachAsync(cases, new ParallelOptions { MaxDegreeOfParallelism = Most }, async (one, _) =>
        {
            try
            {
                await test(one);
            }
            catch (Exception e)
            {
                failures.Enqueue($"{one}: {e}");
            }
        });
        Assert.True(failures.IsEmpty, string.Join("\n\n", failures));
    }
}
