using System.Net.Sockets;

namespace Hello.Tests;

/// <summary>A socket that relays to the container engine's. It can be closed while the engine runs on.</summary>
internal sealed class EngineSocket : IAsyncDisposable
{
    private static readonly UnixDomainSocketEndPoint Engine = new("/var/run/docker.sock");

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"hello-engine-{Guid.NewGuid():N}.sock");
    private CancellationTokenSource? _open;
    private Task _relaying = Task.CompletedTask;

    /// <summary>The value for <c>DOCKER_HOST</c>.</summary>
    public string Address => $"unix://{_path}";

    /// <summary>Makes the engine reachable.</summary>
    public void Open()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_path));
        listener.Listen();
        _open = new();
        _relaying = AcceptAsync(listener, _open.Token);
    }

    /// <summary>Makes the engine unreachable and cuts every connection to it.</summary>
    public async Task CloseAsync()
    {
        if (_open is { } open)
        {
            _open = null;
            await open.CancelAsync();
            await _relaying;
            open.Dispose();
            File.Delete(_path);
        }
    }

    public async ValueTask DisposeAsync() => await CloseAsync();

    private static async Task AcceptAsync(Socket listener, CancellationToken cancellationToken)
    {
        List<Task> connections = [];
        using (listener)
        {
            try
            {
                while (true)
                {
                    connections.Add(RelayAsync(await listener.AcceptAsync(cancellationToken), cancellationToken));
                }
            }
            catch (OperationCanceledException)
            {
                // Closed.
            }
        }

        await Task.WhenAll(connections);
    }

    private static async Task RelayAsync(Socket client, CancellationToken cancellationToken)
    {
        using var engine = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await using var near = new NetworkStream(client, ownsSocket: true);
        try
        {
            await engine.ConnectAsync(Engine, cancellationToken);
            await using var far = new NetworkStream(engine);
            await Task.WhenAll(CopyAsync(near, far), CopyAsync(far, near));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // Closed, by either side or by the test.
        }

        async Task CopyAsync(NetworkStream from, NetworkStream to)
        {
            await from.CopyToAsync(to, cancellationToken);
            to.Socket.Shutdown(SocketShutdown.Send);
        }
    }
}
