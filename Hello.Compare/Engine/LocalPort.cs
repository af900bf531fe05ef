using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Hello.Compare.Engine;

/// <summary>Tells whether the ports of an address are free on this machine, and finds one that is.</summary>
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

    /// <summary>
    /// Finds a free port of the loopback address. It is below those that systems give to outgoing connections, one of which
    /// could take it before the program that is to listen there has started.
    /// </summary>
    public static int FindFree()
    {
        int port;
        do
        {
            port = RandomNumberGenerator.GetInt32(20_000, 32_000);
        }
        while (TryListen(new(IPAddress.Loopback, port)) != SocketError.Success);

        return port;
    }

    /// <summary>What a server listens on: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints.</summary>
    /// <param name="address">An address such as <c>http://localhost:15888</c>. If it is no address, nothing is listened on.</param>
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
