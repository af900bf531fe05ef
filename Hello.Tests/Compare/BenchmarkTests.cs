using Hello.Compare.Benchmark;

namespace Hello.Tests;

/// <summary>How the benchmark is written. The figures here are made up.</summary>
public sealed class BenchmarkTests
{
    [Fact]
    public void A_cell_has_the_median_the_spread_and_the_ratios_to_both_references()
    {
        var table = BenchmarkRun.Write([Measured("go", 10), Measured("floor", 20, 18, 30), Measured("scratch", 15)], ["Start"], "");

        Assert.Contains("\n| Start | 10.0 0.50× floor | 20.0 (18.0–30.0) 2.0× go | 15.0 1.5× go, 0.75× floor |\n", table, StringComparison.Ordinal);
    }

    [Fact]
    public void A_figure_that_no_reference_has_is_without_a_ratio()
    {
        var table = BenchmarkRun.Write([Measured("go"), Measured("floor"), Measured("scratch", 15)], ["Start"], "");

        Assert.Contains("\n| Start | – | – | 15.0 |\n", table, StringComparison.Ordinal);
    }

    private static Candidate Measured(string name, params double[] values)
    {
        var candidate = new Candidate(name, hasTelemetry: false, "sha256:1", [], image: null!);
        Array.ForEach(values, value => candidate.Add("Start", value));
        return candidate;
    }
}
