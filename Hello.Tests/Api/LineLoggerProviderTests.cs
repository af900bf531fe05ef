using System.IO.Pipelines;

namespace Hello.Tests;

/// <summary>The log never makes a request wait, and says what it has dropped.</summary>
public sealed partial class LineLoggerProviderTests : IDisposable
{
    private const int Room = 1024 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>A standard output that takes a single byte at once, so that the writer waits for the reader.</summary>
    private readonly Pipe _output = new(new(pauseWriterThreshold: 1, resumeWriterThreshold: 1, useSynchronizationContext: false));
    private readonly LineLoggerProvider _provider;
    private readonly ILogger _log;

    public LineLoggerProviderTests()
    {
        _provider = new(_output.Writer.AsStream());
        _log = _provider.CreateLogger("Test");
    }

    public void Dispose()
    {
        _output.Reader.Complete();
        _provider.Dispose();
    }

    /// <summary>The provider must not keep a copy of the first line, because it is very long.</summary>
    [Fact]
    public async Task Lines_that_find_no_room_are_dropped_and_counted()
    {
        const int Threads = 4, LinesEach = 50_000;
        await StallAsync();
        Write(LogLevel.Information, "message", new InvalidOperationException(new('x', 16 * Room)));
        var writers = Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < LinesEach; i++)
            {
                Write(LogLevel.Information, $"{thread} {i}");
            }
        }));
        await Task.WhenAll(writers).WaitAsync(Limit);

        var lines = await ReadAsync(until: "Dropped");

        Assert.Equal("info: Test[7] first", lines[0]);
        Assert.Equal(1 + (Threads * LinesEach), lines.Count - 2 + Count(lines[^1]));
        Assert.All(lines[1..^1], line => Assert.Matches(@"^info: Test\[7\] \d \d+$", line));
        Assert.InRange(lines.Sum(line => line.Length + 1), Room / 2, Room + 1_000);
        Write(LogLevel.Error, "last");
        Assert.Equal(["fail: Test[7] last"], await ReadAsync(until: "last"));
    }

    [Fact]
    public async Task A_line_is_one_line_whatever_is_in_its_message_and_its_exception()
    {
        Write(LogLevel.Warning, "a\r\nb\nc\u2028ü", new InvalidOperationException("d\ne"));

        Assert.Equal(["warn: Test[7] a b c ü System.InvalidOperationException: d e"], await ReadAsync(until: "warn:"));
    }

    [Fact]
    [Trait("Needs", "Gnu")]
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

    private static int Count(string line) => int.Parse(DroppedLine().Match(line).Groups["count"].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^warn: Hello\.Api\.LineLoggerProvider\[1\] Dropped (?<count>\d+) log lines because ")]
    private static partial Regex DroppedLine();

    private void Write(LogLevel level, string message, Exception? exception = null) =>
        _log.Log(level, new EventId(7), message, exception, static (state, _) => state);

    /// <summary>Writes a line, and waits until the writer of the log waits for its reader.</summary>
    private async Task StallAsync()
    {
        Write(LogLevel.Information, "first");
        var read = await _output.Reader.ReadAsync().AsTask().WaitAsync(Limit);
        _output.Reader.AdvanceTo(read.Buffer.Start);
    }

    private async Task<List<string>> ReadAsync(string until)
    {
        List<string> lines = [];
        using var reader = new StreamReader(_output.Reader.AsStream(leaveOpen: true));
        while (lines is [] || !lines[^1].Contains(until, StringComparison.Ordinal))
        {
            lines.Add(await reader.ReadLineAsync().WaitAsync(Limit) ?? throw new InvalidOperationException("The log has ended."));
        }

        return lines;
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
