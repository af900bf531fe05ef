using System.Text.Json;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

namespace Hello.Compare.Benchmark;

/// <summary>What wrk measured.</summary>
/// <param name="Requests">Requests answered.</param>
/// <param name="Errors">Connections that failed, requests that timed out, answers other than 2xx and 3xx.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="P50">Latency that half of the requests did not exceed.</param>
/// <param name="P99">Latency that 99 in 100 requests did not exceed.</param>
internal sealed record WrkResult(long Requests, long Errors, TimeSpan Duration, TimeSpan P50, TimeSpan P99)
{
    public double RequestsPerSecond => Requests / Duration.TotalSeconds;

    /// <summary>What wrk says it is.</summary>
    public static async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        // "wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", and its usage, as of a command line that is wrong.
        var version = await ProgramRunner.TryRunAsync(Cli.Wrap("wrk").WithArguments("--version"), cancellationToken);
        return version.Output.Split(" [")[0];
    }

    /// <summary>Sends requests as fast as they are answered.</summary>
    public static async Task<WrkResult> MeasureAsync(Uri url, int connections, int cores, TimeSpan duration, string script, CancellationToken cancellationToken)
    {
        var output = await ProgramRunner.RunAsync(
            Cli.Wrap("wrk").WithArguments(
            [
                "--threads", Format.Invariant($"{Math.Min(cores, connections)}"), "--connections", Format.Invariant($"{connections}"),
                "--duration", Format.Invariant($"{duration.TotalSeconds}s"), "--script", script, url.ToString(),
            ]),
            cancellationToken);
        // The script's line, behind wrk's own: {"requests":105893,"errors":0,"duration":4000215,"p50":1187,"p99":2950}
        using var report = JsonDocument.Parse(output.Split('\n')[^1]);
        return new(Number("requests"), Number("errors"), Time("duration"), Time("p50"), Time("p99"));

        long Number(string name) => report.RootElement.GetProperty(name).GetInt64();

        TimeSpan Time(string name) => TimeSpan.FromMicroseconds(Number(name));
    }
}

