using System.Buffers;
using System.Globalization;
using System.Text;

namespace Hello.Api;

/// <summary>Writes log records to standard output, each as one line: <c>info: Hello.Api[1] Said hello to 127.0.0.1</c>.</summary>
/// <remarks>
/// The framework's console logger wakes a thread and writes for every line. On one core, this costs one request in seven.
/// This logger writes all lines of a millisecond at once. It never makes a request wait: if the reader of standard output
/// stalls, it drops the lines for which the buffer has no room, and says later how many.
/// </remarks>
[ProviderAlias("Console")] // Logging__Console__LogLevel__…
internal sealed class LineLoggerProvider : ILoggerProvider
{
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(1);

    /// <summary>The most bytes that may wait to be written.</summary>
    private const int Room = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Stream _output;
    private readonly ManualResetEventSlim _waiting = new();
    private readonly Thread _writer;
    private ArrayBufferWriter<byte> _lines = new();
    private ArrayBufferWriter<byte> _written = new();
    private long _dropped;
    private volatile bool _disposed;

    public LineLoggerProvider(Stream output)
    {
        _output = output;
        _writer = new(WriteLines) { IsBackground = true, Name = "Log" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    /// <summary>Writes what is left.</summary>
    public void Dispose()
    {
        _disposed = true;
        _waiting.Set();
        _writer.Join(LastWrite); // Without a limit, a stalled reader would keep the process from ending.
    }

    private void Add(string head, int eventId, string message, string? exception)
    {
        lock (_gate)
        {
            // The most that UTF-8 needs for a UTF-16 character is three bytes. The rest is the number and what is between.
            if (_lines.WrittenCount + (3L * (head.Length + message.Length + (exception?.Length ?? 0))) + 16 > Room)
            {
                _dropped++;
            }
            else
            {
                Append(head);
                Span<byte> id = stackalloc byte[11];
                eventId.TryFormat(id, out var length, provider: CultureInfo.InvariantCulture);
                _lines.Write(id[..length]);
                Append("] ");
                Append(message);
                if (exception is not null)
                {
                    Append(" ");
                    Append(exception);
                }

                _lines.Write("\n"u8);
            }
        }

        _waiting.Set();

        void Append(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" "), _lines);
    }

    private void WriteLines()
    {
        while (true)
        {
            _waiting.Wait();
            if (!_disposed)
            {
                Thread.Sleep(Gathering);
            }

            _waiting.Reset();
            var last = _disposed;
            long dropped;
            lock (_gate)
            {
                (_lines, _written) = (_written, _lines);
                (dropped, _dropped) = (_dropped, 0);
            }

            if (dropped > 0)
            {
                Encoding.UTF8.GetBytes(
                    "warn: Hello.Api.LineLoggerProvider[1] Dropped " + dropped.ToString(CultureInfo.InvariantCulture)
                        + " log lines because the buffer of 1 MB had no room. Read standard output faster, or log less.\n",
                    _written);
            }

            try
            {
                _output.Write(_written.WrittenSpan);
            }
            catch (IOException)
            {
                // Nobody reads standard output any more. The API goes on without a log.
            }

            _written.ResetWrittenCount();
            if (last)
            {
                return;
            }
        }
    }

    private sealed class LineLogger(LineLoggerProvider lines, string category) : ILogger
    {
        /// <summary>The beginning of a line by level, with the framework's names of the levels.</summary>
        private readonly string[] _heads = [.. ((string[])["trce", "dbug", "info", "warn", "fail", "crit"]).Select(level => $"{level}: {category}[")];

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            // The host logs why it did not start, with a stack trace. Program.cs says it in one line.
            if (IsEnabled(logLevel) && eventId.Name != "HostedServiceStartupFaulted")
            {
                lines.Add(_heads[(int)logLevel], eventId.Id, formatter(state, exception), exception?.ToString());
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;
    }
}
