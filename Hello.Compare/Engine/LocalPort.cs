using System.Net;
using System.Net.Sockets;

namespace Hello.Compare.Engine;

/// <summary>Tells whether a port of this machine is free.</summary>
public static class LocalPort
{
    /// <summary>Listens for a moment. A connection would not find a port that another program has reserved and does not listen on.</summary>
    /// <returns>Why it cannot listen; <see cref="SocketError.Success"/> if it can.</returns>
    public static SocketError TryListen(IPEndPoint address)
    {
        ArgumentNullException.ThrowIfNull(address);
        using var listener = new TcpListener(address);
        try
        {
            listener.Start();
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
