using System.Diagnostics;
using System.Net;

namespace Hello.Compare.Probe;

/// <summary>The limits of a load. It ends when the first of them is reached.</summary>
public sealed record LoadOptions
{
    /// <summary>Number of requests. The default is below the 2,048 spans that OpenTelemetry queues for export, so no span is lost.</summary>
    public int Requests { get; init; } = 2_000;

    /// <summary>No request is sent after this time.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Number of connections. Each sends one request after the other.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>How long each connection waits before each request, on average.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>Whether to send load before that is not measured, until the rate does not rise any more. A JIT compiler needs some seconds for it.</summary>
    public bool WarmUp { get; init; }
}

/// <summary>The result of a load.</summary>
/// <param name="Errors">Number of requests that were not answered with success, a status from 200 to 299.</param>
/// <param name="Elapsed">Time from the first request to the last answer.</param>
/// <param name="P50">The latency that half of the successful requests do not exceed; null if there is none.</param>
/// <param name="P99">The latency that 99 of 100 successful requests do not exceed; null if there is none.</param>
/// <param name="WarmUp">How long the load was sent that is not measured.</param>
/// <param name="WarmUpAnswers">Number of its requests that were answered with success.</param>
public sealed record LoadResult(int Sent, int Errors, TimeSpan Elapsed, TimeSpan? P50, TimeSpan? P99, TimeSpan WarmUp = default, int WarmUpAnswers = 0)
{
    /// <summary>Requests answered with success, per second.</summary>
    public double RequestsPerSecond => (Sent - Errors) / Elapsed.TotalSeconds;

    /// <summary>The latency that this percentage of the requests does not exceed, by the nearest-rank method: https://en.wikipedia.org/wiki/Percentile.</summary>
    /// <param name="sorted">Latencies in ascending order.</param>
    /// <param name="percent">Above 0, up to 100.</param>
    /// <returns>Null if there is no latency.</returns>
    internal static TimeSpan? Percentile(IReadOnlyList<TimeSpan> sorted, double percent) =>
        sorted.Count == 0 ? null : sorted[Math.Clamp((int)Math.Ceiling(percent * sorted.Count / 100) - 1, 0, sorted.Count - 1)];
}

/// <summary>Sends load. Each connection sends its next request when the last one has been answered.</summary>
public static class LoadBurst
{
    /// <summary>The client's name, which tells these requests from others. It is also in their spans.</summary>
    private const string UserAgent = "hello-load";

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    /// <summary>The rate is counted for this time. It is steady if it has not risen by more than <see cref="Rise"/> for <see cref="SteadyPeriods"/> of them.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(0.5);

    private const double Rise = 1.03;
    private const int SteadyPeriods = 4;
    private const int MostPeriods = 40;

    /// <summary>Sends requests until a limit is reached or the load is cancelled.</summary>
    /// <param name="cancellationToken">Ends the load at once. Requests without an answer then count as errors.</param>
    /// <returns>The result, also of a load that was cancelled.</returns>
    public static async Task<LoadResult> SendAsync(Uri url, LoadOptions options, CancellationToken cancellationToken)
    {
        // Without HttpClient's own work, the server is the slower one.
        using var client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = options.Connections,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
        });
        var (sent, succeeded) = (0, 0);
        var warmUp = TimeSpan.Zero;
        if (options.WarmUp)
        {
            using var steady = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var clock = Stopwatch.StartNew();
            await Task.WhenAll(ConnectAsync(() => !steady.IsCancellationRequested), EndWhenSteadyAsync(steady));
            warmUp = clock.Elapsed;
        }

        var warmUpAnswers = succeeded;
        var time = Stopwatch.StartNew();
        var latencies = await ConnectAsync(() => time.Elapsed < options.Duration && Interlocked.Increment(ref sent) <= options.Requests);
        var elapsed = time.Elapsed;
        TimeSpan[] sorted = [.. latencies.SelectMany(l => l).Order()];
        sent = Math.Min(sent, options.Requests);
        return new(sent, sent - sorted.Length, elapsed, LoadResult.Percentile(sorted, 50), LoadResult.Percentile(sorted, 99), warmUp, warmUpAnswers);

        async Task EndWhenSteadyAsync(CancellationTokenSource steady)
        {
            var (best, bestPeriod) = (0.0, 0);
            for (var (period, before) = (1, 0); period <= MostPeriods && period - bestPeriod <= SteadyPeriods && !cancellationToken.IsCancellationRequested; period++)
            {
                var begun = Stopwatch.GetTimestamp();
                await Task.Delay(Period, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                var now = Volatile.Read(ref succeeded);
                var rate = (now - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
                before = now;
                if (rate > best * Rise)
                {
                    (best, bestPeriod) = (rate, period);
                }
            }

            await steady.CancelAsync();
        }

        Task<List<TimeSpan>[]> ConnectAsync(Func<bool> next) =>
            Task.WhenAll(Enumerable.Range(0, options.Connections).Select(_ => Task.Run(() => SendOneAfterTheOtherAsync(next), CancellationToken.None)));

        async Task<List<TimeSpan>> SendOneAfterTheOtherAsync(Func<bool> next)
        {
            List<TimeSpan> taken = [];
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            while (!limit.IsCancellationRequested && next())
            {
                try
                {
                    if (options.Pause > TimeSpan.Zero)
                    {
                        // Not all connections at the same time.
                        await Task.Delay(options.Pause * (2 * Random.Shared.NextDouble()), cancellationToken);
                    }

                    var begun = Stopwatch.GetTimestamp();
                    limit.CancelAfter(AnswerLimit);
                    using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { { "User-Agent", UserAgent } } };
                    using var response = await client.SendAsync(request, limit.Token);
                    await response.Content.CopyToAsync(Stream.Null, limit.Token);
                    if (response.IsSuccessStatusCode)
                    {
                        taken.Add(Stopwatch.GetElapsedTime(begun));
                        Interlocked.Increment(ref succeeded);
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
                {
                    // Not counted as a success, and therefore an error.
                }
            }

            return taken;
        }
    }
}
