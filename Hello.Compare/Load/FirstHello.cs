using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hello.Compare.Load;

/// <summary>Waits for the first answer of a container's program. Every figure "Start to first hello" is measured with it.</summary>
/// <remarks>
/// The start is the moment at which the kernel executes the program. In the benchmark, launcher.go tells it to the microsecond.
/// Otherwise it is the container's StartedAt, which the engine notes up to <see cref="EngineResolution"/> late.
/// </remarks>
public static class FirstHello
{
    /// <summary>How late an engine may note the start of a program. A time counted from StartedAt is rounded to it.</summary>
    public static readonly TimeSpan EngineResolution = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan ShortestDelay = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    /// <summary>The time between two requests where a proxy of the engine is asked.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    /// <summary>Sends requests until one is answered with 200.</summary>
    /// <param name="address">The address of the program, or of the engine's proxy for it.</param>
    /// <param name="pause">The time between two requests. If a timer cannot wait for so short a time, a core is kept busy.</param>
    /// <returns>The time of the answer.</returns>
    public static Task<DateTimeOffset> WaitAsync(IPEndPoint address, string path, TimeSpan pause, CancellationToken cancellationToken) =>
        Task.Run(() => AskAsync(address, path, pause, cancellationToken), cancellationToken);

    private static async Task<DateTimeOffset> AskAsync(IPEndPoint address, string path, TimeSpan pause, CancellationToken cancellationToken)
    {
        // A plain socket, because the first request of an HTTP client takes longer than the start of a small program.
        var (request, answer) = (Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"), new byte[512]);
        for (; ; await PauseAsync(pause, cancellationToken))
        {
            // One connection for each request, because a proxy accepts connections before the program listens, and then closes them.
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
                // The program does not listen or answer yet.
            }
        }
    }

    private static Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        if (pause >= ShortestDelay)
        {
            return Task.Delay(pause, cancellationToken);
        }

        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < pause;)
        {
            Thread.SpinWait(10);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return Task.CompletedTask;
    }
}
