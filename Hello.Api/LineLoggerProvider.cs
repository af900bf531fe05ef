using System.Buffers;

namespace Hello.Api;

/// <summary>Writes log records to standard output, each as one line: <c>info: Hello.Api[1] Said hello to 127.0.0.1</c>.</summary>
/// <remarks>
/// The framework's logger wakes a thread for every line. On one core, this costs one request in seven. This one writes all lines
/// of a millisecond at once. If the reader stalls, it drops the lines that its buffer has no room for, and says how many.
/// </remarks>
[ProviderAlias("Console")] // Logging__Console__LogLevel__…
internal sealed class LineLoggerProvider : ILoggerProvider
{
    /// <summary>The most bytes that may wait to be written.</summary>
    private const int Room = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _waiting = new();
    private readonly Thread _writer;
    private ArrayBufferWriter<byte> _lines = new(), _written = new();
    private long _dropped;
    private volatile bool _disposed;

    public LineLoggerProvider(Stream output)
    {
        _writer = new(() => WriteLines(output)) { IsBackground = true, Name = "Log" };
        _writer.Start();
    }

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    /// <summary>Writes what is left.</summary>
    public void Dispose()
    {
        _disposed = true;
        _waiting.Set();
        _writer.Join(millisecondsTimeout: 1000); // without a limit, a stalled reader would keep the process from ending
    }

    private void Add(string head, int eventId, string message)
    {
        lock (_gate)
        {
            // The most that UTF-8 needs for a UTF-16 character is three bytes. The rest is the number and what is between.
            if (_lines.WrittenCount + (3L * (head.Length + message.Length)) + 16 > Room)
            {
                _dropped++;
            }
            else
            {
                Append(head);
                _lines.Advance(eventId.TryFormat(_lines.GetSpan(11), out var length, provider: CultureInfo.InvariantCulture) ? length : 0);
                Append("] ");
                Append(message);
                _lines.Write("\n"u8);
            }
        }

        _waiting.Set();

        void Append(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" "), _lines);
    }

    private void WriteLines(Stream output)
    {
        for (var last = false; !last;)
        {
            _waiting.Wait();
            Thread.Sleep(_disposed ? 0 : 1); // ms
            _waiting.Reset();
            last = _disposed;
            long dropped;
            lock (_gate)
            {
                (_lines, _written) = (_written, _lines);
                (dropped, _dropped) = (_dropped, 0);
            }

            if (dropped > 0)
            {
                Encoding.UTF8.GetBytes(
                    string.Create(CultureInfo.InvariantCulture, $"warn: Hello.Api.LineLoggerProvider[1] Dropped {dropped} log lines because ")
                        + "the buffer of 1 MB had no room. Read standard output faster, or log less.\n",
                    _written);
            }

            try
            {
                output.Write(_written.WrittenSpan);
            }
            catch (IOException)
            {
                // Nobody reads standard output any more. The API goes on without a log.
            }

            _written.ResetWrittenCount();
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
                var message = formatter(state, exception);
                lines.Add(_heads[(int)logLevel], eventId.Id, exception is null ? message : $"{message} {exception}");
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;
    }
}
