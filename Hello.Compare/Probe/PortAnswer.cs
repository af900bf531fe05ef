namespace Hello.Compare.Probe;

/// <summary>The reaction of a port to a request: none yet, an answer of one of these kinds, or the end of the connection.</summary>
internal enum PortAnswer { None, Http, Http2, Tls, Other, Closed }

/// <summary>The state of a container that does not answer with success.</summary>
/// <param name="Status">The status of the answer if it is HTTP/1.</param>
internal sealed record Look(IReadOnlyList<string> Listening, PortAnswer Answer, int? Status)
{
    /// <summary>A handshake that offers TLS 1.2: https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1.2. Every server answers with a record, if only an alert.</summary>
    private static readonly byte[] TlsHello = [0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3, .. new byte[32], 0, 0, 4, 0xC0, 0x2F, 0, 0x9C, 1, 0];

    /// <summary>The connection preface, and empty settings: https://www.rfc-editor.org/rfc/rfc9113#section-3.4.</summary>
    private static readonly byte[] Http2Preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(2);

    public static async Task<Look> AtAsync(IPEndPoint address, string path)
    {
        string[] listening = [.. ContainerProcesses.FindListening().Select(l => l.ToString())];
        var (answer, bytes) = await AskAsync(token => FirstAnswer.AskOnceAsync(address, path, token));
        var status = FirstAnswer.StatusOf(bytes.Span);
        if (answer == PortAnswer.None || status is not (null or 400))
        {
            return new(listening, status is null ? answer : PortAnswer.Http, status);
        }

        // A server of HTTP/2 or TLS closes the connection, or says 400 in HTTP/1.
        var (_, tls) = await AskAsync(token => FirstAnswer.ExchangeAsync(address, TlsHello, token));
        var (_, http2) = await AskAsync(token => FirstAnswer.ExchangeAsync(address, Http2Preface, token));
        var kind = tls.Span is [0x15 or 0x16, 3, ..] ? PortAnswer.Tls : http2.Span is [_, _, _, 4, ..] ? PortAnswer.Http2 : status is null ? answer : PortAnswer.Http;
        return new(listening, kind, status);
    }

    private static async Task<(PortAnswer Answer, ReadOnlyMemory<byte> Bytes)> AskAsync(Func<CancellationToken, Task<ReadOnlyMemory<byte>>> ask)
    {
        using var limit = new CancellationTokenSource(AnswerLimit);
        try
        {
            var answer = await ask(limit.Token);
            return (answer.Length == 0 ? PortAnswer.Closed : PortAnswer.Other, answer);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            var isClosed = e is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown };
            return (isClosed ? PortAnswer.Closed : PortAnswer.None, default);
        }
    }
}
