namespace Hello.Compare.Engine;

/// <summary>Tells whether the ports of an address are free on this machine, and finds one that is.</summary>
public static class LocalPort
{
    private static int _next = RandomNumberGenerator.GetInt32(12_000);

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
    /// Finds a free port of the loopback addresses, and never the same one twice. It is below those that systems give to outgoing
    /// connections, one of which could take it before the program that is to listen there has started.
    /// </summary>
    public static int FindFree()
    {
        int port;
        do
        {
            port = 20_000 + (int)((uint)Interlocked.Increment(ref _next) % 12_000);
        }
        while (TryListen(new(IPAddress.Loopback, port)) != SocketError.Success || TryListen(new(IPAddress.IPv6Loopback, port)) == SocketError.AddressAlreadyInUse);

        return port;
    }
}
