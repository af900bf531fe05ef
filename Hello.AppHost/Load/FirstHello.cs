namespace Hello.AppHost.Load;

/// <summary>Asks for <c>/hello</c> from the start of a container until it answers.</summary>
internal static class FirstHello
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    /// <summary>Waits for the first answer.</summary>
    /// <param name="url">What to ask for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>When it came.</returns>
    public static async Task<DateTimeOffset> WaitAsync(Uri url, CancellationToken cancellationToken)
    {
        // A connection each: one that a proxy has accepted for a container that doesn't listen yet is closed by it.
        using var client = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, UseProxy = false }) { Timeout = AnswerLimit };
        for (; ; await Task.Delay(Pause, cancellationToken))
        {
            try
            {
                using var response = await client.GetAsync(url, cancellationToken);
                if (response.IsSuccessStatusCode)
                {
                    return DateTimeOffset.UtcNow;
                }
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // Not yet.
            }
        }
    }
}
