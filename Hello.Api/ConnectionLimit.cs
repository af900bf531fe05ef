namespace Hello.Api;

/// <summary>Limits the number of connections. Beyond the limit, it closes the oldest one, so that one client cannot keep others out.</summary>
/// <remarks>
/// Kestrel's own limit refuses the newest connection. A few thousand idle connections, which cost an attacker nothing, would then
/// keep out every health check. It also counts late, on the thread pool, when a burst has taken the last descriptor.
/// </remarks>
/// <param name="open">How many connections may be open.</param>
/// <param name="closing">How many more may be closing. Such a connection may finish its request, but may not begin another.</param>
internal sealed class ConnectionLimit(SocketTransportFactory sockets, int open, int closing) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly Lock _gate = new();

    // The oldest connection is the first.
    private readonly LinkedList<ConnectionContext> _open = [], _closing = [];

    public bool CanBind(EndPoint endpoint) => sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(this, await sockets.BindAsync(endpoint, cancellationToken));

    private async Task MakeRoomForAsync(ConnectionContext connection)
    {
        LinkedListNode<ConnectionContext> own = new(connection);
        ConnectionContext? oldest = null, abandoned = null;
        lock (_gate)
        {
            _open.AddLast(own);
            if (_open.Count > open && _open.First is { } first)
            {
                _open.Remove(first);
                _closing.AddLast(first);
                oldest = first.Value;
            }

            if (_closing.Count > closing)
            {
                abandoned = _closing.First!.Value;
                _closing.RemoveFirst();
            }
        }

        connection.ConnectionClosed.UnsafeRegister(
            _ =>
            {
                lock (_gate)
                {
                    own.List?.Remove(own);
                }
            },
            null);
        oldest?.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        if (abandoned is not null)
        {
            abandoned.Abort(new ConnectionAbortedException("There are too many connections, and this is the oldest."));
            await Task.Delay(millisecondsDelay: 1000, abandoned.ConnectionClosed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private sealed class Listener(ConnectionLimit limit, IConnectionListener inner) : IConnectionListener
    {
        public EndPoint EndPoint => inner.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            var connection = await inner.AcceptAsync(cancellationToken);
            await (connection is null ? Task.CompletedTask : limit.MakeRoomForAsync(connection));
            return connection;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => inner.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
