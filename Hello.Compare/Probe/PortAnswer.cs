using System.Net;
using System.Net.Sockets;

namespace Hello.Compare.Probe;

/// <summary>What a port does with a request: nothing for now, or it answers in one of these ways, or it closes the connection without an answer.</summary>
internal enum PortAnswer { None, Http, Http2, Tls, Other, Closed }

/// <summary>What can be seen of a container that does not answer with success.</summary>
/// <param name="Listening">The addresses on which its processes listen.</param>
/// <param name="Status">The status of the answer if it is HTTP/1.</param>
internal sealed record Look(IReadOnlyList<string> Listening, PortAnswer Answer, int? Status)
{
    /// <summary>A handshake that offers TLS 1.2: https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1.2. A server of any version answers with a record, if only an alert.</summary>
    private static readonly byte[] TlsHello = [0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3, .. new byte[32], 0, 0, 4, 0xC0, 0x2F, 0, 0x9C, 1, 0];

    /// <summary>The connection preface, and empty settings: https://www.rfc-editor.org/rfc/rfc9113#section-3.4.</summary>
    private static readonly byte[] Http2Preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(2);

    /// <summary>Looks at the processes and asks the port.</summary>
    public static async Task<Look> AtAsync(IPEndPoint address, string path, CancellationToken cancellationToken)
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
        return new(
            listening,
            tls.Span is [0x15 or 0x16, 3, ..] ? PortAnswer.Tls : http2.Span is [_, _, _, 4, ..] ? PortAnswer.Http2 : status is null ? answer : PortAnswer.Http,
            status);

        async Task<(PortAnswer Answer, ReadOnlyMemory<byte> Bytes)> AskAsync(Func<CancellationToken, Task<ReadOnlyMemory<byte>>> ask)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(AnswerLimit);
            try
            {
                var answer = await ask(limit.Token);
                return (answer.Length == 0 ? PortAnswer.Closed : PortAnswer.Other, answer);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
            {
                return (PortAnswer.Closed, default);
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                return (PortAnswer.None, default);
            }
        }
    }
}
