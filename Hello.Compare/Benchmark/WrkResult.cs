using System.Text.Json;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

namespace Hello.Compare.Benchmark;

/// <summary>The figures of one run of wrk: https://github.com/wg/wrk.</summary>
/// <param name="Requests">Number of answered requests.</param>
/// <param name="Errors">Number of failed connections, timed-out requests and answers other than 2xx and 3xx.</param>
/// <param name="P50">Latency that half of the requests did not exceed.</param>
/// <param name="P99">Latency that 99 in 100 requests did not exceed.</param>
internal sealed record WrkResult(long Requests, long Errors, TimeSpan Duration, TimeSpan P50, TimeSpan P99)
{
    public double RequestsPerSecond => Requests / Duration.TotalSeconds;

    /// <summary>Name and version of wrk.</summary>
    public static async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        // "wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", then its usage. It ends with 1, because it takes --version for an error.
        var version = await ProgramRunner.TryRunAsync(Cli.Wrap("wrk").WithArguments("--version"), cancellationToken);
        return version.Output.Split(" [")[0];
    }

    /// <summary>Sends load for a time. Each connection sends its next request when the last one has been answered and the pause is over.</summary>
    /// <param name="pause">How long each connection waits on average, in whole milliseconds.</param>
    public static async Task<WrkResult> MeasureAsync(Uri url, int connections, TimeSpan pause, int cores, TimeSpan duration, string script, CancellationToken cancellationToken)
    {
        var output = await ProgramRunner.RunAsync(
            Cli.Wrap("wrk").WithArguments(
            [
                "--threads", Format.Invariant($"{Math.Min(cores, connections)}"), "--connections", Format.Invariant($"{connections}"),
                "--duration", Format.Invariant($"{duration.TotalSeconds}s"), "--script", script, url.ToString(),
                .. pause > TimeSpan.Zero ? (string[])["--", Format.Invariant($"{pause.TotalMilliseconds:F0}")] : [],
            ]),
            cancellationToken);
        // The last line is the script's, after wrk's own lines: {"requests":105893,"errors":0,"duration":4000215,"p50":1187,"p99":2950}
        using var report = JsonDocument.Parse(output.Split('\n')[^1]);
        return new(Number("requests"), Number("errors"), Time("duration"), Time("p50"), Time("p99"));

        long Number(string name) => report.RootElement.GetProperty(name).GetInt64();

        TimeSpan Time(string name) => TimeSpan.FromMicroseconds(Number(name));
    }
}
