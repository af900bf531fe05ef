using Xunit.Sdk;

namespace Hello.Tests;

/// <summary>Runs cases of a test at the same time, because most of their time is spent waiting.</summary>
public static class AtOnce
{
    /// <summary>Runs a test for each case. If one fails, the error names it.</summary>
    public static Task RunAsync<T>(IEnumerable<T> cases, Func<T, Task> test)
    {
        ArgumentNullException.ThrowIfNull(cases);
        ArgumentNullException.ThrowIfNull(test);
        return Task.WhenAll(cases.Select(async one =>
        {
            try
            {
                await test(one);
            }
            catch (Exception e)
            {
                throw new XunitException($"{one}: {e.Message}", e);
            }
        }));
    }
}
