using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A line of a resource's console log.</summary>
/// <param name="LineNumber">Its number, from 1.</param>
/// <param name="Content">Its text, after the time of the line.</param>
/// <param name="IsErrorMessage">Whether it came from standard error.</param>
public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);

/// <summary>The console logs of the resources: what their processes wrote and what the AppHost wrote about them.</summary>
public class ResourceLoggerService : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ResourceLog> _logs = new(StringComparer.OrdinalIgnoreCase);

    internal ResourceLoggerService()
    {
    }

    /// <summary>A logger whose lines go into a resource's console log.</summary>
    /// <param name="resource">The resource.</param>
    /// <returns>The logger.</returns>
    public ILogger GetLogger(IResource resource) => Log(resource.Name);

    /// <summary>A logger whose lines go into a resource's console log.</summary>
    /// <param name="resourceName">The name under which the orchestrator knows the resource.</param>
    /// <returns>The logger.</returns>
    public ILogger GetLogger(string resourceName) => Log(resourceName);

    /// <summary>The lines so far, then each new one.</summary>
    /// <param name="resource">The resource.</param>
    /// <returns>The lines in batches.</returns>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(IResource resource) => WatchAsync(resource.Name);

    /// <summary>The lines so far, then each new one.</summary>
    /// <param name="resourceName">The name under which the orchestrator knows the resource.</param>
    /// <returns>The lines in batches.</returns>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => Log(resourceName).WatchAsync();

    /// <summary>The lines so far.</summary>
    /// <param name="resource">The resource.</param>
    /// <returns>The lines in one batch.</returns>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(IResource resource) => GetAllAsync(resource.Name);

    /// <summary>The lines so far.</summary>
    /// <param name="resourceName">The name under which the orchestrator knows the resource.</param>
    /// <returns>The lines in one batch.</returns>
    public async IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(string resourceName)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        if (Log(resourceName).Last(int.MaxValue) is { Count: > 0 } lines)
        {
            yield return lines;
        }
    }

    /// <summary>Ends every watch.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var log in _logs.Values)
            {
                log.Complete();
            }
        }

        GC.SuppressFinalize(this);
    }

    internal IReadOnlyList<LogLine> GetLastLines(string resourceName, int count) => Log(resourceName).Last(count);

    /// <summary>Makes two names stand for one log: the model's and the orchestrator's.</summary>
    internal void Alias(string resourceName, string resourceId)
    {
        lock (_lock)
        {
            _logs[resourceId] = Log(resourceName);
        }
    }

    internal void Write(string resourceName, string content, bool isError) => Log(resourceName).Write(content, isError);

    private ResourceLog Log(string name)
    {
        lock (_lock)
        {
            return _logs.TryGetValue(name, out var log) ? log : _logs[name] = new();
        }
    }

    private sealed class ResourceLog : ILogger
    {
        /// <summary>As many lines as the dashboard keeps for a resource by default.</summary>
        private const int Capacity = 10_000;

        private readonly Lock _lock = new();
        private readonly Queue<LogLine> _lines = [];
        private readonly List<Channel<LogLine>> _watchers = [];
        private int _lastLineNumber;

        public void Write(string content, bool isError)
        {
            lock (_lock)
            {
                var line = new LogLine(++_lastLineNumber, content, isError);
                _lines.Enqueue(line);
                if (_lines.Count > Capacity)
                {
                    _lines.Dequeue();
                }

                foreach (var watcher in _watchers)
                {
                    watcher.Writer.TryWrite(line);
                }
            }
        }

        public IReadOnlyList<LogLine> Last(int count)
        {
            lock (_lock)
            {
                return [.. _lines.TakeLast(count)];
            }
        }

        public async IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var watcher = Channel.CreateUnbounded<LogLine>(new() { SingleReader = true });
            LogLine[] backlog;
            lock (_lock)
            {
                backlog = [.. _lines];
                _watchers.Add(watcher);
            }

            try
            {
                if (backlog.Length > 0)
                {
                    yield return backlog;
                }

                while (await watcher.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    List<LogLine> batch = [];
                    while (watcher.Reader.TryRead(out var line))
                    {
                        batch.Add(line);
                    }

                    yield return batch;
                }
            }
            finally
            {
                lock (_lock)
                {
                    _watchers.Remove(watcher);
                }
            }
        }

        public void Complete()
        {
            lock (_lock)
            {
                foreach (var watcher in _watchers)
                {
                    watcher.Writer.TryComplete();
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = formatter(state, exception);
            Write($"{DateTime.UtcNow:O} {text}{(exception is null ? "" : Environment.NewLine + exception)}", logLevel >= LogLevel.Error);
        }
    }
}
