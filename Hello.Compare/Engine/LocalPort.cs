using System.Net;
using System.Net.Sockets;

namespace Hello.Compare.Engine;

/// <summary>Tells whether the ports of an address are free on this machine.</summary>
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

    /// <summary>What a server listens on: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints.</summary>
    /// <param name="address">Such as <c>http://localhost:15888</c>. None is listened on if it is no address.</param>
    public static IEnumerable<IPEndPoint> EndPointsOf(string address)
    {
        // "http://localhost:15888", "http://127.0.0.1:15888", "http://*:15888"
        if (!Uri.TryCreate(address.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var uri))
        {
            return [];
        }

        return IPAddress.TryParse(uri.DnsSafeHost, out var ip) && !ip.Equals(IPAddress.Any)
            ? [new(ip, uri.Port)]
            : uri.IsLoopback
                ? [new(IPAddress.Loopback, uri.Port), new(IPAddress.IPv6Loopback, uri.Port)]
                : [new(IPAddress.Any, uri.Port), new(IPAddress.IPv6Any, uri.Port)];
    }
}
