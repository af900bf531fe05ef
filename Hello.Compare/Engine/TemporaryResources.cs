namespace Hello.Compare.Engine;

/// <summary>The images and containers that a run makes. They are removed at its end, even if it fails or is cancelled.</summary>
/// <param name="report">Receives one line about each image or container that could not be removed.</param>
public sealed class TemporaryResources(ContainerEngine engine, Action<string> report) : IAsyncDisposable
{
    private readonly HashSet<(string Kind, string Name)> _made = [];

    /// <summary>Whether one of them could not be removed.</summary>
    public bool LeftBehind { get; private set; }

    /// <summary>A name that nothing else on the engine has: <c>hello-compare-qwertzui</c>.</summary>
    public static string NewName(string command) => $"hello-{command}-{RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8)}";

    /// <summary>Registers an "image", a "container" or a "network" before the command that makes it, because an interrupted command may have made it.</summary>
    public void Add(string kind, string name) => _made.Add((kind, name));

    /// <summary>Removes a container or an image now, and once more at the end: an interrupted command may make it a moment later.</summary>
    public async Task RemoveAsync(string kind, string name)
    {
        try
        {
            await engine.RemoveAsync(kind, name);
        }
        catch (MeasurementException e)
        {
            Report(e.Message);
            _made.Remove((kind, name));
        }
    }

    /// <summary>Reports something else that could not be removed.</summary>
    public void Report(string line)
    {
        LeftBehind = true;
        report(line);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Containers first: an image that a container uses cannot be removed.
        foreach (var (kind, name) in _made.OrderBy(m => m.Kind == "container" ? 0 : 1).ToArray())
        {
            await RemoveAsync(kind, name);
        }
    }
}
