namespace Hello.Tests;

/// <summary>A socket that relays to the container engine's. It can be closed while the engine runs on.</summary>
internal sealed class EngineSocket : IAsyncDisposable
{
    private static readonly UnixDomainSocketEndPoint Engine = new("/var/run/docker.sock");

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"hello-engine-{Guid.NewGuid():N}.sock");
    private CancellationTokenSource _open = new();
    private Task _relaying = Task.CompletedTask;

    public string Address => $"unix://{_path}";

    public void Open()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_path));
        listener.Listen();
        _open = new();
        _relaying = RelayAllAsync(listener, _open.Token);
    }

    public async Task CloseAsync()
    {
        await _open.CancelAsync();
        await _relaying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        File.Delete(_path);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _open.Dispose();
    }

    private static async Task RelayAllAsync(Socket listener, CancellationToken cancellationToken)
    {
        using (listener)
        {
            while (true)
            {
                _ = RelayAsync(await listener.AcceptAsync(cancellationToken), cancellationToken);
            }
        }
    }

    /// <summary>Ends in an error that nobody needs if either side or the test closes the connection.</summary>
    private static async Task RelayAsync(Socket client, CancellationToken cancellationToken)
    {
        await using var near = new NetworkStream(client, ownsSocket: true);
        using var engine = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await engine.ConnectAsync(Engine, cancellationToken);
        await using var far = new NetworkStream(engine);
        await Task.WhenAll(CopyAsync(near, far), CopyAsync(far, near));

        async Task CopyAsync(NetworkStream from, NetworkStream to)
        {
            await from.CopyToAsync(to, cancellationToken);
            to.Socket.Shutdown(SocketShutdown.Send);
        }
    }
}
