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

    /// <summary>Whether to send load before that is not measured, until the rate does not rise any more. A JIT compiler needs some seconds for it.</summary>
    public bool WarmUp { get; init; }
}

/// <summary>The result of a load.</summary>
/// <param name="Errors">Number of requests that were not answered with success, a status from 200 to 299.</param>
/// <param name="P50">The latency that half of the successful requests do not exceed; null if there is none.</param>
/// <param name="P99">The latency that 99 of 100 successful requests do not exceed; null if there is none.</param>
/// <param name="WarmUp">How long the load was sent that is not measured.</param>
/// <param name="WarmUpAnswers">Number of its requests that were answered with success.</param>
public sealed record LoadResult(int Sent, int Errors, TimeSpan Elapsed, TimeSpan? P50, TimeSpan? P99, TimeSpan WarmUp = default, int WarmUpAnswers = 0)
{
    /// <summary>Requests answered with success, per second.</summary>
    public double RequestsPerSecond => (Sent - Errors) / Elapsed.TotalSeconds;
}

/// <summary>Sends load. Each connection sends its next request when the last one has been answered.</summary>
public static class LoadBurst
{
    /// <summary>The client's name, which tells these requests from others. It is also in their spans.</summary>
    private const string UserAgent = "hello-load";

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    /// <summary>The rate is counted for a sixth of the load's duration. It is steady if it has not risen by more than this for <see cref="SteadyPeriods"/> times.</summary>
    private const double Rise = 1.03;

    private const int SteadyPeriods = 4;
    private const int MostPeriods = 40;

    /// <summary>The latency that this percentage does not exceed, by the nearest-rank method: https://en.wikipedia.org/wiki/Percentile.</summary>
    internal static TimeSpan? Percentile(TimeSpan[] sorted, int percent) => sorted.Length == 0 ? null : sorted[(((sorted.Length * percent) + 99) / 100) - 1];

    /// <summary>Sends requests until a limit is reached.</summary>
    public static async Task<LoadResult> SendAsync(Uri url, LoadOptions options)
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
        var (sent, succeeded, isSteady) = (0, 0, !options.WarmUp);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(ConnectAsync(() => !Volatile.Read(ref isSteady)), WaitUntilSteadyAsync());
        var (warmUp, warmUpAnswers) = (clock.Elapsed, succeeded);

        clock.Restart();
        var latencies = await ConnectAsync(() => clock.Elapsed < options.Duration && Interlocked.Increment(ref sent) <= options.Requests);
        var elapsed = clock.Elapsed;
        TimeSpan[] sorted = [.. latencies.SelectMany(l => l).Order()];
        sent = Math.Min(sent, options.Requests);
        return new(sent, sent - sorted.Length, elapsed, Percentile(sorted, 50), Percentile(sorted, 99), warmUp, warmUpAnswers);

        async Task WaitUntilSteadyAsync()
        {
            var (best, bestPeriod, before) = (0.0, 0, 0);
            for (var period = 1; !isSteady; period++)
            {
                var begun = Stopwatch.GetTimestamp();
                await Task.Delay(options.Duration / 6);
                var now = Volatile.Read(ref succeeded);
                var rate = (now - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
                before = now;
                if (rate > best * Rise)
                {
                    (best, bestPeriod) = (rate, period);
                }

                Volatile.Write(ref isSteady, period - bestPeriod >= SteadyPeriods || period >= MostPeriods);
            }
        }

        Task<List<TimeSpan>[]> ConnectAsync(Func<bool> next) =>
            Task.WhenAll(Enumerable.Range(0, options.Connections).Select(_ => Task.Run(() => SendOneAfterTheOtherAsync(next))));

        async Task<List<TimeSpan>> SendOneAfterTheOtherAsync(Func<bool> next)
        {
            List<TimeSpan> taken = [];
            using var limit = new CancellationTokenSource();
            while (!limit.IsCancellationRequested && next())
            {
                try
                {
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
