namespace Hello.Tests;

/// <summary>The arithmetic of a load.</summary>
public sealed class LoadBurstTests
{
    [Theory]
    [InlineData(1, 99, 1)]
    [InlineData(2, 50, 1)]
    [InlineData(3, 50, 2)]
    [InlineData(2000, 99, 1980)]
    [InlineData(0, 50, null)]
    public void A_percentile_is_the_nearest_rank(int count, int percent, int? rank)
    {
        TimeSpan[] latencies = [.. Enumerable.Range(1, count).Select(n => TimeSpan.FromMilliseconds(n))];

        Assert.Equal(rank is { } ms ? TimeSpan.FromMilliseconds(ms) : null, LoadBurst.Percentile(latencies, percent));
    }
}
