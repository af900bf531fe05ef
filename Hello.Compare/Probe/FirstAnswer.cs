namespace Hello.Compare.Probe;

/// <summary>Waits for the first answer of a program with success, a status from 200 to 299. It may begin before the program has started.</summary>
public static class FirstAnswer
{
    /// <summary>A program may never answer a request that it accepted while it started. After this time, another request is sent beside it.</summary>
    private static readonly TimeSpan NextRequest = TimeSpan.FromSeconds(5);

    /// <summary>Sends requests until one is answered with success.</summary>
    /// <param name="pause">The time between two requests. A timer cannot wait for less than a millisecond, so a core is then kept busy.</param>
    /// <returns>The time of the answer, by the clock of the machine that this runs on.</returns>
    public static async Task<DateTimeOffset> WaitAsync(IPEndPoint address, string path, TimeSpan pause, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var first = new TaskCompletionSource<DateTimeOffset>();
        while (!end.IsCancellationRequested)
        {
            await AskAsync().WaitAsync(NextRequest, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (pause < TimeSpan.FromMilliseconds(1))
            {
                Thread.SpinWait(1_000);
            }
            else
            {
                await Task.Delay(pause, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return first.Task.IsCompleted ? await first.Task : throw new OperationCanceledException(cancellationToken);

        async Task AskAsync()
        {
            try
            {
                var answer = await AskOnceAsync(address, path, end.Token);
                var now = DateTimeOffset.UtcNow;
                if (StatusOf(answer.Span) is >= 200 and < 300 && first.TrySetResult(now))
                {
                    await end.CancelAsync();
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // The program does not listen or answer yet.
            }
        }
    }

    /// <summary>Sends one request and receives the first bytes of the answer; none if the connection was closed.</summary>
    /// <remarks>A plain socket, because the first request of an HTTP client takes longer than the start of a small program.</remarks>
    internal static async Task<ReadOnlyMemory<byte>> AskOnceAsync(IPEndPoint address, string path, CancellationToken cancellationToken) =>
        await ExchangeAsync(address, Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"), cancellationToken);

    internal static async Task<ReadOnlyMemory<byte>> ExchangeAsync(IPEndPoint address, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, cancellationToken);
        await socket.SendAsync(request, cancellationToken);
        var answer = new byte[512];
        return answer.AsMemory(0, await socket.ReceiveAsync(answer, cancellationToken));
    }

    /// <summary>Reads <c>HTTP/1.1 200 OK</c>. Small servers answer with HTTP/1.0. Null if it is not HTTP.</summary>
    internal static int? StatusOf(ReadOnlySpan<byte> answer) =>
        answer.StartsWith("HTTP/1."u8) && answer.Length >= 12 && answer[8] == ' '
            && int.TryParse(answer[9..12], NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : null;
}
