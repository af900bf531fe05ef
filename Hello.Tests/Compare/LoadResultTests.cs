using Hello.Compare.Probe;

namespace Hello.Tests;

/// <summary>The arithmetic of a burst of requests.</summary>
public sealed class LoadResultTests
{
    [Theory]
    [InlineData(1, 50, 1)]
    [InlineData(1, 99, 1)]
    [InlineData(1, 100, 1)]
    [InlineData(2, 50, 1)]
    [InlineData(2, 51, 2)]
    [InlineData(3, 50, 2)]
    [InlineData(10, 99, 10)]
    [InlineData(100, 0.1, 1)]
    [InlineData(101, 50, 51)]
    [InlineData(1000, 99.9, 999)]
    [InlineData(2000, 99, 1980)]
    public void A_percentile_is_the_nearest_rank(int count, double percent, int rank) =>
        Assert.Equal(TimeSpan.FromMilliseconds(rank), LoadResult.Percentile(Latencies(count), percent));

    [Fact]
    public void Of_a_hundred_latencies_each_is_the_percentile_of_its_number() =>
        Assert.All(Enumerable.Range(1, 100), n => Assert.Equal(TimeSpan.FromMilliseconds(n), LoadResult.Percentile(Latencies(100), n)));

    [Fact]
    public void Without_an_answer_there_is_no_percentile() => Assert.Null(LoadResult.Percentile([], 50));

    [Fact]
    public void The_rate_counts_what_was_answered_with_200() =>
        Assert.Equal(5, new LoadResult(Sent: 12, Errors: 2, TimeSpan.FromSeconds(2), P50: null, P99: null, TimeSpan.Zero).RequestsPerSecond);

    /// <summary>1 ms, 2 ms, 3 ms…</summary>
    private static TimeSpan[] Latencies(int count) => [.. Enumerable.Range(1, count).Select(n => TimeSpan.FromMilliseconds(n))];
}
