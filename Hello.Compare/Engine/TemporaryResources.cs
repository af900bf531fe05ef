namespace Hello.Compare.Engine;

/// <summary>The images and containers that a run makes on the engine and removes at its end, however it ends.</summary>
/// <param name="engine">The engine.</param>
/// <param name="report">Receives one line about each that is left behind.</param>
public sealed class TemporaryResources(ContainerEngine engine, Action<string> report) : IAsyncDisposable
{
    private readonly List<(string Kind, string Name)> _made = [];

    /// <summary>Whether something could not be removed.</summary>
    public bool LeftBehind { get; private set; }

    /// <summary>Registers an image or a container before it is made: an interrupted command may have made it.</summary>
    /// <param name="kind">"image" or "container".</param>
    /// <param name="name">The name that it will have.</param>
    public void Add(string kind, string name) => _made.Add((kind, name));

    /// <summary>Removes a container or an image now.</summary>
    public async Task RemoveAsync(string kind, string name)
    {
        try
        {
            await engine.RemoveAsync(kind, name);
        }
        catch (MeasurementException e)
        {
            LeftBehind = true;
            report(e.Message);
        }

        _made.Remove((kind, name));
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
