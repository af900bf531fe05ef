using Hello.Compare.Benchmark;

namespace Hello.Tests;

/// <summary>How the benchmark is written. The figures here are made up.</summary>
public sealed class BenchmarkTests
{
    [Fact]
    public void A_cell_has_the_median_the_spread_and_the_ratios_to_both_references()
    {
        var table = BenchmarkRun.Write([Measured("go", ("Start", [10])), Measured("floor", ("Start", [20, 18, 30])), Measured("scratch", ("Start", [15]), ("Spans", [1]))], "");

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
