using System.Diagnostics;

namespace Hello.Compare.Load;

/// <summary>The limits of a load. It ends when the first of them is reached.</summary>
public sealed record LoadOptions
{
    /// <summary>The highest allowed number of requests.</summary>
    public const int MaxRequests = 1_000_000;

    /// <summary>The highest allowed number of connections.</summary>
    public const int MaxConnections = 1_000;

    /// <summary>The longest allowed duration.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromMinutes(10);

    /// <summary>Number of requests. The default is below the 2,048 spans that OpenTelemetry queues for export, so no span is lost.</summary>
    public int Requests { get; init; } = 2_000;

    /// <summary>No request is sent after this time.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Number of connections. Each sends one request after the other.</summary>
    public int Connections { get; init; } = 8;
}

/// <summary>The result of a load.</summary>
/// <param name="Sent">Number of requests sent.</param>
/// <param name="Errors">Number of requests that were not answered with 200.</param>
/// <param name="Elapsed">Time from the first request to the last answer.</param>
/// <param name="Latencies">Latencies of the requests that were answered with 200, in ascending order.</param>
public sealed record LoadResult(int Sent, int Errors, TimeSpan Elapsed, IReadOnlyList<TimeSpan> Latencies)
{
    /// <summary>Requests answered with 200, per second.</summary>
    public double RequestsPerSecond => Latencies.Count / Elapsed.TotalSeconds;

    /// <summary>The latency that this percentage of the requests does not exceed, by the nearest-rank method: https://en.wikipedia.org/wiki/Percentile.</summary>
    /// <param name="percent">Above 0, up to 100.</param>
    /// <returns>Null if no request was answered.</returns>
    public TimeSpan? Percentile(double percent) =>
        Latencies.Count == 0 ? null : Latencies[Math.Clamp((int)Math.Ceiling(percent * Latencies.Count / 100) - 1, 0, Latencies.Count - 1)];
}

/// <summary>Sends load. Each connection sends its next request when the last one has been answered.</summary>
public static class LoadBurst
{
    /// <summary>The client's name, which tells these requests from others. It is also in their spans.</summary>
    private const string UserAgent = "hello-load";

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    /// <summary>Sends requests until a limit is reached or the load is cancelled.</summary>
    /// <param name="progress">Receives the number of requests answered so far, about five times.</param>
    /// <param name="cancellationToken">Ends the load at once. Requests without an answer then count as errors.</param>
    /// <returns>The result, also of a load that was cancelled.</returns>
    public static async Task<LoadResult> SendAsync(Uri url, LoadOptions options, Action<int>? progress, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = options.Connections, UseProxy = false }) { Timeout = AnswerLimit };
        client.DefaultRequestHeaders.UserAgent.Add(new(UserAgent, null));
        var latencies = new TimeSpan[options.Requests];
        var (started, answered, succeeded) = (0, 0, 0);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, options.Connections).Select(_ => Task.Run(SendOneAfterTheOtherAsync, CancellationToken.None)));
        var elapsed = clock.Elapsed;
        Array.Sort(latencies, 0, succeeded);
        var sent = Math.Min(started, options.Requests);
        return new(sent, sent - succeeded, elapsed, new ArraySegment<TimeSpan>(latencies, 0, succeeded));

        async Task SendOneAfterTheOtherAsync()
        {
            while (!cancellationToken.IsCancellationRequested && clock.Elapsed < options.Duration && Interlocked.Increment(ref started) <= options.Requests)
            {
                var begun = Stopwatch.GetTimestamp();
                try
                {
                    using var response = await client.GetAsync(url, cancellationToken);
                    if (response.IsSuccessStatusCode)
                    {
                        latencies[Interlocked.Increment(ref succeeded) - 1] = Stopwatch.GetElapsedTime(begun);
                    }
                }
                catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
                {
                    // Not counted as a success, and therefore an error.
                }

                if (Interlocked.Increment(ref answered) is var count && count % Math.Max(options.Requests / 5, 1) == 0)
                {
                    progress?.Invoke(count);
                }
            }
        }
    }
}
