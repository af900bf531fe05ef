using Hello.Compare.Benchmark;

namespace Hello.Tests;

/// <summary>The arithmetic of a load, and how the benchmark is written. The figures here are made up.</summary>
public sealed class BenchmarkTests
{
    [Theory]
    [InlineData(1, 99, 1)]
    [InlineData(3, 50, 2)]
    [InlineData(2000, 99, 1980)]
    [InlineData(0, 50, null)]
    public void A_percentile_is_the_nearest_rank(int count, int percent, int? rank)
    {
        TimeSpan[] latencies = [.. Enumerable.Range(1, count).Select(n => TimeSpan.FromMilliseconds(n))];

        Assert.Equal(rank is { } ms ? TimeSpan.FromMilliseconds(ms) : null, LoadBurst.Percentile(latencies, percent));
    }

    [Fact]
    public void A_cell_has_the_median_the_spread_and_the_ratios_to_both_references()
    {
        Candidate[] candidates =
            [Measured("go", ("Start", [10])), Measured("floor", ("Start", [20, 18, 30])), Measured("scratch", ("Start", [15]), ("Spans", [1]))];
        var table = BenchmarkRun.Write(candidates, "");

        Assert.Contains("\n| Start | 10.0 0.50× floor | 20.0 (18.0–30.0) 2.0× go | 15.0 1.5× go, 0.75× floor |\n", table, StringComparison.Ordinal);
        Assert.Contains("\n| Spans | – | – | 1.00 |\n", table, StringComparison.Ordinal);
    }

    private static Candidate Measured(string name, params (string Figure, double[] Values)[] figures)
    {
        var candidate = new Candidate(name, HasTelemetry: false, "sha256:1", [], Image: null!);
        Array.ForEach(figures, figure => Array.ForEach(figure.Values, value => candidate.Add(figure.Figure, value)));
        return candidate;
    }
}
