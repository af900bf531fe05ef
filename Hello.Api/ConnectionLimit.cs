using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Hello.Api;

/// <summary>Bounds the connections: beyond the limit the oldest makes room, so that whoever holds many keeps nobody out.</summary>
/// <remarks>
/// Kestrel's own limit refuses the newest, whoever that is: a few thousand idle connections, which cost the other end
/// nothing, and no health check gets through.
/// </remarks>
/// <param name="open">Connections that are left alone.</param>
/// <param name="closing">Connections besides, each of which may end the request that it is in, but begin no other.</param>
internal sealed class ConnectionLimit(int open, int closing)
{
    private readonly Lock _gate = new();

    // The oldest comes first.
    private readonly LinkedList<Served> _open = [];
    private readonly LinkedList<Served> _closing = [];

    /// <summary>Serves a connection once there is room for it.</summary>
    public async Task OnConnectionAsync(ConnectionContext connection, ConnectionDelegate serve)
    {
        LinkedListNode<Served> own = new(new(connection));
        Served? oldest = null, abandoned = null;
        lock (_gate)
        {
            _open.AddLast(own);
            if (_open.Count > open)
            {
                var node = _open.First!;
                oldest = node.Value;
                _open.Remove(node);
                _closing.AddLast(node);
            }

            if (_closing.Count > closing)
            {
                abandoned = _closing.First!.Value;
                _closing.RemoveFirst();
            }
        }

        try
        {
            oldest?.Connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            if (abandoned is not null)
            {
                abandoned.Connection.Abort(new ConnectionAbortedException("Others need the room."));
                await abandoned.Ended.Task;
            }

            await serve(connection);
        }
        finally
        {
            lock (_gate)
            {
                own.List?.Remove(own);
            }

            own.Value.Ended.SetResult();
        }
    }

    private sealed record Served(ConnectionContext Connection)
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
