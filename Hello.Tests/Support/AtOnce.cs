namespace Hello.Tests;

/// <summary>Runs cases of a test at the same time, because most of their time is spent waiting.</summary>
internal static class AtOnce
{
    /// <summary>More containers at the same time would slow each other down, and the other tests.</summary>
    private const int Most = 6;

    /// <summary>Runs a test for each case. The error names the cases that fail.</summary>
    public static async Task RunAsync<T>(IEnumerable<T> cases, Func<T, Task> test)
    {
        using var room = new SemaphoreSlim(Most);
        var failures = await Task.WhenAll(cases.Select(async one =>
        {
            await room.WaitAsync();
            try
            {
                await test(one);
                return null;
            }
            catch (Exception e)
            {
                return $"{one}: {e}";
            }
            finally
            {
                room.Release();
            }
        }));
        Assert.True(failures.All(failure => failure is null), string.Join("\n\n", failures.OfType<string>()));
    }
}
