using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hello.Compare.Load;

/// <summary>The time from the start of a container's program to its first answer: every figure "Start to first hello" is measured here.</summary>
/// <remarks>
/// The start is the moment at which the kernel executes the program. The benchmark knows it to the microsecond, from launcher.go. An
/// engine notes it as the container's StartedAt, up to <see cref="EngineResolution"/> late.
/// </remarks>
public static class FirstHello
{
    /// <summary>How late an engine may note the start of a program. A time that is counted from there is known no better.</summary>
    public static readonly TimeSpan EngineResolution = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    /// <summary>Asks until the path is answered with 200.</summary>
    /// <param name="address">Where the program listens, or a proxy for it.</param>
    /// <param name="path">What to ask for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>When the answer came.</returns>
    public static async Task<DateTimeOffset> WaitAsync(IPEndPoint address, string path, CancellationToken cancellationToken)
    {
        // Bare sockets: the first request of an HTTP client takes longer than a small program needs for its start.
        var (request, answer) = (Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"), new byte[512]);
        for (; ; await Task.Delay(Pause, cancellationToken))
        {
            // A connection for each question: a proxy accepts one before the program listens, and then closes it.
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(AnswerLimit);
            try
            {
                await socket.ConnectAsync(address, limit.Token);
                await socket.SendAsync(request, limit.Token);
                if (answer.AsSpan(0, await socket.ReceiveAsync(answer, limit.Token)).StartsWith("HTTP/1.1 200 "u8))
                {
                    return DateTimeOffset.UtcNow;
                }
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // It does not listen or answer yet.
            }
        }
    }

    /// <summary>A port of the loopback address that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
