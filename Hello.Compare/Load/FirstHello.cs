using System.Diagnostics;
using System.Globalization;
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

    /// <summary>The time between two requests if they go to a proxy of the engine.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    /// <summary>Sends requests until one is answered with success, a status from 200 to 299.</summary>
    /// <param name="address">The address of the program, or of the engine's proxy for it.</param>
    /// <param name="pause">The time between two requests. If a timer cannot wait for so short a time, a core is kept busy.</param>
    /// <param name="refused">Receives the status of each answer that is no success.</param>
    /// <returns>The time of the answer.</returns>
    public static Task<DateTimeOffset> WaitAsync(IPEndPoint address, string path, TimeSpan pause, CancellationToken cancellationToken, Action<int>? refused = null) =>
        Task.Run(() => AskAsync(address, path, pause, refused, cancellationToken), cancellationToken);

    private static async Task<DateTimeOffset> AskAsync(IPEndPoint address, string path, TimeSpan pause, Action<int>? refused, CancellationToken cancellationToken)
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
                var received = answer.AsMemory(0, await socket.ReceiveAsync(answer, limit.Token));
                var now = DateTimeOffset.UtcNow;
                if (StatusOf(received.Span) is { } status)
                {
                    if (status is >= 200 and < 300)
                    {
                        return now;
                    }

                    refused?.Invoke(status);
                }
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // The program does not listen or answer yet.
            }
        }
    }

    /// <summary>Reads <c>HTTP/1.1 200 OK</c>. Small servers answer with HTTP/1.0.</summary>
    private static int? StatusOf(ReadOnlySpan<byte> answer) =>
        answer.StartsWith("HTTP/1."u8) && answer.Length >= 12 && answer[8] == ' ' && int.TryParse(answer[9..12], NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : null;

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
