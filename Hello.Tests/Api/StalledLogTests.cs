namespace Hello.Tests;

/// <summary>If the reader of standard output stalls, the API still answers.</summary>
[Trait("Needs", "Gnu")]
public sealed class StalledLogTests
{
    [Fact]
    public async Task Everybody_is_answered_while_nobody_reads_the_log_which_then_says_how_much_it_lacks_and_sigterm_ends_it_all_the_same()
    {
        await using var api = await ApiProcess.StartAsync(
            "ASPNETCORE_URLS=http://127.0.0.1:0", "Logging__LogLevel__Default=Trace", "Logging__LogLevel__Microsoft.AspNetCore=Trace");
        await FillLogAsync(api);

        var log = await api.ReadLogAsync(line => line.Contains("Dropped", StringComparison.Ordinal));
        Assert.Matches(@"^warn: Hello\.Api\.LineLoggerProvider\[1\] Dropped [1-9]\d* log lines because the buffer of 1 MB had no room\. ", log[^1]);
        Assert.All(log, line => Assert.Matches(@"^(trce|dbug|info|warn): [\w.]+\[\d+\] .", line));
        Assert.InRange(log.Sum(line => line.Length), 1024 * 1024, 3 * 1024 * 1024);

        // The log goes on.
        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        log = await api.ReadLogAsync(line => line.Contains("Said hello", StringComparison.Ordinal));
        Assert.Contains("Said hello", log[^1], StringComparison.Ordinal);

        await FillLogAsync(api);
        await api.TerminateAsync();
        Assert.Equal(0, await api.WaitAsync());
    }

    /// <summary>Asks until there is far more to log than the pipe and the API's buffers hold.</summary>
    private static async Task FillLogAsync(ApiProcess api)
    {
        await Parallel.ForAsync(0, 5_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, cancellationToken) =>
            Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative), cancellationToken)));
        Assert.Equal("Healthy", await api.Client.GetStringAsync(new Uri("/health", UriKind.Relative)));
        Assert.Equal("Healthy", await api.Client.GetStringAsync(new Uri("/alive", UriKind.Relative)));
    }
}
