using System.Buffers;
using System.Globalization;
using System.Text;

namespace Hello.Api;

/// <summary>Writes log records to standard output, a line each: <c>info: Hello.Api[1] Said hello to 127.0.0.1</c>.</summary>
/// <remarks>
/// The framework's console logger writes, and wakes a thread, for every line, which costs one request in seven where there
/// is one core. This one writes all that has come within a millisecond at once.
/// </remarks>
[ProviderAlias("Console")] // Logging__Console__LogLevel__…
internal sealed class LineLoggerProvider : ILoggerProvider
{
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(1);

    /// <summary>Bytes that may wait for a reader that is slow; then those who log wait, too.</summary>
    private const int Room = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Stream _output = Console.OpenStandardOutput();
    private readonly ManualResetEventSlim _waiting = new();
    private readonly ManualResetEventSlim _roomy = new(initialState: true);
    private readonly Thread _writer;
    private ArrayBufferWriter<byte> _lines = new();
    private ArrayBufferWriter<byte> _written = new();
    private volatile bool _disposed;

    public LineLoggerProvider()
    {
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
        _writer.Join(LastWrite); // or a reader that has stopped reading would keep the process
    }

    private void Add(string head, int eventId, string message, Exception? exception)
    {
        _roomy.Wait();
        lock (_gate)
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
                Append(exception.ToString());
            }

            _lines.Write("\n"u8);
            if (_lines.WrittenCount > Room)
            {
                _roomy.Reset();
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
            lock (_gate)
            {
                (_lines, _written) = (_written, _lines);
                _roomy.Set();
            }

            try
            {
                _output.Write(_written.WrittenSpan);
            }
            catch (IOException)
            {
                // Nobody reads any more, which is no reason to end.
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
        /// <summary>By level, in the framework's words.</summary>
        private readonly string[] _heads = [.. ((string[])["trce", "dbug", "info", "warn", "fail", "crit"]).Select(level => $"{level}: {category}[")];

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                lines.Add(_heads[(int)logLevel], eventId.Id, formatter(state, exception), exception);
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;
    }
}
