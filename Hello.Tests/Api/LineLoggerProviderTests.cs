using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Hello.Api;
using Microsoft.Extensions.Logging;

namespace Hello.Tests;

/// <summary>The log never makes a request wait, and says what it has dropped.</summary>
public sealed partial class LineLoggerProviderTests
{
    private const int Room = 1024 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Lines_that_find_no_room_are_dropped_and_counted()
    {
        const int Threads = 4, LinesEach = 50_000;
        using var output = new StallingStream();
        using (var provider = new LineLoggerProvider(output))
        {
            var log = provider.CreateLogger("Test");
            Write(log, LogLevel.Information, "first");
            await output.Stalled.WaitAsync(Limit);

            var writers = Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
            {
                for (var i = 0; i < LinesEach; i++)
                {
                    Write(log, LogLevel.Information, $"{thread} {i}");
                }
            }));
            await Task.WhenAll(writers).WaitAsync(Limit);
            output.GoOn();
            await output.WaitForAsync("Dropped", Limit);
            Write(log, LogLevel.Error, "last");
        }

        var lines = output.Lines();
        Assert.Equal("info: Test[7] first", lines[0]);
        Assert.Equal("fail: Test[7] last", lines[^1]);
        var dropped = Assert.Single(lines, line => DroppedLine().IsMatch(line));
        Assert.Same(dropped, lines[^2]);
        Assert.Equal(Threads * LinesEach, lines.Length - 3 + Count(dropped));
        Assert.All(lines[1..^2], line => Assert.Matches(@"^info: Test\[7\] \d \d+$", line));
        Assert.InRange(output.Length, Room / 2, Room + 1_000);
    }

    /// <summary>The provider must not keep a copy of such a line, because the line may be very long.</summary>
    [Theory]
    [InlineData(Room)]
    [InlineData(16 * Room)]
    public void A_line_that_is_larger_than_the_buffer_is_dropped_and_the_next_one_is_written(int length)
    {
        using var output = new StallingStream();
        output.GoOn();
        using (var provider = new LineLoggerProvider(output))
        {
            var log = provider.CreateLogger("Test");
            Write(log, LogLevel.Information, new('x', length));
            Write(log, LogLevel.Information, "message", new InvalidOperationException(new('x', length)));
            Write(log, LogLevel.Information, "next");
        }

        var lines = output.Lines();
        Assert.Contains("info: Test[7] next", lines);
        Assert.Equal(2, lines.Where(line => line != "info: Test[7] next").Sum(Count));
        Assert.InRange(output.Length, 1, 1_000);
    }

    [Fact]
    public void A_line_is_one_line_whatever_is_in_its_message_and_its_exception()
    {
        using var output = new StallingStream();
        output.GoOn();
        using (var provider = new LineLoggerProvider(output))
        {
            Write(provider.CreateLogger("Test"), LogLevel.Warning, "a\r\nb\nc\u2028ü", new InvalidOperationException("d\ne"));
        }

        Assert.Equal(["warn: Test[7] a b c ü System.InvalidOperationException: d e"], output.Lines());
    }

    [Fact]
    public async Task A_stalled_reader_does_not_keep_the_log_from_being_closed()
    {
        using var output = new StallingStream();
        var provider = new LineLoggerProvider(output);
        Write(provider.CreateLogger("Test"), LogLevel.Information, "first");
        await output.Stalled.WaitAsync(Limit);

        await Task.Run(provider.Dispose).WaitAsync(Limit);

        Assert.Empty(output.Lines());
        output.GoOn();
        await output.WaitForAsync("first", Limit);
    }

    [Fact]
    public void Logging_a_line_allocates_nothing()
    {
        using var output = new StallingStream();
        output.GoOn();
        using var provider = new LineLoggerProvider(output);
        var log = provider.CreateLogger("Test");

        // The buffers grow at first, and code is compiled.
        var allocated = Enumerable.Range(0, 100).Select(_ =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                Write(log, LogLevel.Information, "message");
            }

            var after = GC.GetAllocatedBytesForCurrentThread();
            Thread.Sleep(1);
            return after - before;
        }).ToArray();

        Assert.Contains(0, allocated);
    }

    private static void Write(ILogger log, LogLevel level, string message, Exception? exception = null) =>
        log.Log(level, new EventId(7), message, exception, static (state, _) => state);

    private static int Count(string line) => int.Parse(DroppedLine().Match(line).Groups["count"].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^warn: Hello\.Api\.LineLoggerProvider\[1\] Dropped (?<count>\d+) log lines because ")]
    private static partial Regex DroppedLine();

    /// <summary>A standard output that nobody reads until <see cref="GoOn"/>.</summary>
    private sealed class StallingStream : Stream
    {
        private readonly MemoryStream _written = new();
        private readonly ManualResetEventSlim _goOn = new();
        private readonly TaskCompletionSource _stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Stalled => _stalled.Task;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length
        {
            get
            {
                lock (_written)
                {
                    return _written.Length;
                }
            }
        }

        public override long Position { get => Length; set => throw new NotSupportedException(); }

        public void GoOn() => _goOn.Set();

        public string[] Lines() => Text().Split('\n')[..^1];

        public async Task WaitForAsync(string text, TimeSpan limit)
        {
            var seen = await CommandLine.PollAsync(() => Task.FromResult(Text()), seen => seen.Contains(text, StringComparison.Ordinal), limit);
            Assert.Contains(text, seen, StringComparison.Ordinal);
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _stalled.TrySetResult();
            _goOn.Wait();
            lock (_written)
            {
                _written.Write(buffer);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        private string Text()
        {
            lock (_written)
            {
                return Encoding.UTF8.GetString(_written.ToArray());
            }
        }
    }
}
