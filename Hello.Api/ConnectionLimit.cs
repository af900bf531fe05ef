using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Hello.Api;

/// <summary>Limits the number of connections. Beyond the limit, it closes the oldest one, so that one client cannot keep others out.</summary>
/// <remarks>
/// Kestrel's own limit refuses the newest connection. A few thousand idle connections, which cost an attacker nothing,
/// would then keep out every health check.
/// </remarks>
/// <param name="open">How many connections may be open.</param>
/// <param name="closing">How many more may be closing. Such a connection may finish its request, but may not begin another.</param>
internal sealed class ConnectionLimit(int open, int closing)
{
    private readonly Lock _gate = new();

    // The oldest connection is the first.
    private readonly LinkedList<Served> _open = [];
    private readonly LinkedList<Served> _closing = [];

    /// <summary>Makes room for a connection, then serves it.</summary>
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
                abandoned.Connection.Abort(new ConnectionAbortedException("There are too many connections, and this is the oldest."));
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
