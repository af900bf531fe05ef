using System.Diagnostics;

namespace Hello.Compare.Load;

/// <summary>How much load to send. It ends with the first bound that is reached.</summary>
public sealed record LoadOptions
{
    /// <summary>The highest number of requests that may be asked for.</summary>
    public const int MaxRequests = 1_000_000;

    /// <summary>The highest number of connections that may be asked for.</summary>
    public const int MaxConnections = 1_000;

    /// <summary>The longest time that may be asked for.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromMinutes(10);

    /// <summary>Requests. The default is below the 2,048 spans that OpenTelemetry holds for export, so that none is lost.</summary>
    public int Requests { get; init; } = 2_000;

    /// <summary>No request is sent after this time.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Connections. Each sends one request after the other.</summary>
    public int Connections { get; init; } = 8;
}

/// <summary>What came of a burst.</summary>
/// <param name="Sent">Requests sent.</param>
/// <param name="Errors">Those of them that were not answered with 200.</param>
/// <param name="Elapsed">From the first request to the last answer.</param>
/// <param name="Latencies">Of the requests that were answered with 200, ascending.</param>
public sealed record LoadResult(int Sent, int Errors, TimeSpan Elapsed, IReadOnlyList<TimeSpan> Latencies)
{
    /// <summary>Requests answered with 200, a second.</summary>
    public double RequestsPerSecond => Latencies.Count / Elapsed.TotalSeconds;

    /// <summary>The latency that so many in a hundred requests do not exceed: the nearest rank, https://en.wikipedia.org/wiki/Percentile.</summary>
    /// <param name="percent">Above 0, up to 100.</param>
    /// <returns>Null when no request was answered.</returns>
    public TimeSpan? Percentile(double percent) =>
        Latencies.Count == 0 ? null : Latencies[Math.Clamp((int)Math.Ceiling(percent * Latencies.Count / 100) - 1, 0, Latencies.Count - 1)];
}

/// <summary>Sends a bounded number of requests, as fast as they are answered.</summary>
public static class LoadBurst
{
    /// <summary>Tells the requests of a burst from others, in the spans, too.</summary>
    public const string UserAgent = "hello-load";

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    /// <summary>Sends a burst.</summary>
    /// <param name="url">What to ask for.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="progress">Receives the number of requests answered so far, a few times.</param>
    /// <param name="cancellationToken">Ends the burst at once; requests without an answer are errors then.</param>
    /// <returns>What came of it, also of one that was ended.</returns>
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
                    // Counted as an error by not being counted as a success.
                }

                if (Interlocked.Increment(ref answered) is var count && count % Math.Max(options.Requests / 5, 1) == 0)
                {
                    progress?.Invoke(count);
                }
            }
        }
    }
}
