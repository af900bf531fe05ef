using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>
/// Sends requests as HTTP/1.1 over a plain connection, one after the other. The export of telemetry needs no more, and the
/// native binary has no room for .NET's client with its TLS, HTTP/2, proxies, cookies and redirects.
/// https://www.rfc-editor.org/rfc/rfc9112
/// </summary>
internal sealed class PlainHttpHandler : HttpMessageHandler
{
    /// <summary>The most bytes that the head of an answer may have.</summary>
    private const int HeadLimit = 16 * 1024;

    /// <summary>The connection of the last request, if it can carry another.</summary>
    private Socket? _idle;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.Run(() => Send(request, cancellationToken), cancellationToken);

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var idle = Interlocked.Exchange(ref _idle, null);
        if (idle?.Poll(0, SelectMode.SelectRead) is true)
        {
            // The receiver has closed the connection, or has sent something without a request.
            idle.Dispose();
            idle = null;
        }

        try
        {
            return Send(request, idle ?? new(SocketType.Stream, ProtocolType.Tcp), cancellationToken);
        }
        catch (HttpRequestException e) when (idle is not null && e.HttpRequestError == HttpRequestError.ConnectionError)
        {
            // The receiver may close an idle connection at any time, also while the request is on its way:
            // https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
            return Send(request, new Socket(SocketType.Stream, ProtocolType.Tcp), cancellationToken);
        }
    }

    protected override void Dispose(bool disposing)
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        base.Dispose(disposing);
    }

    /// <exception cref="HttpRequestException">It is a <see cref="HttpRequestError.ConnectionError"/> if no byte of an answer came.</exception>
    private HttpResponseMessage Send(HttpRequestMessage request, Socket socket, CancellationToken cancellationToken)
    {
        var (error, keep) = (HttpRequestError.ConnectionError, false);
        try
        {
            // A blocking call ends only if its socket is disposed. The token carries the client's time-out.
            using var cancellation = cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
            if (!socket.Connected)
            {
                socket.Connect(request.RequestUri!.DnsSafeHost, request.RequestUri.Port);
            }

            using var connection = new NetworkStream(socket);
            Write(request, connection, cancellationToken);
            (var response, keep) = Read(connection, ref error);
            return response;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException or FormatException)
        {
            throw new HttpRequestException(error, e.Message, e);
        }
        finally
        {
            // A cancellation may have disposed the socket after the answer had been read.
            (keep && !cancellationToken.IsCancellationRequested ? Interlocked.Exchange(ref _idle, socket) : socket)?.Dispose();
        }
    }

    private static void Write(HttpRequestMessage request, NetworkStream connection, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        request.Content?.CopyTo(body, null, cancellationToken);

        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"{request.Method} {request.RequestUri!.PathAndQuery} HTTP/1.1\r\nHost: {request.RequestUri.Authority}\r\n");
        foreach (var (name, values) in request.Headers.NonValidated.Concat(request.Content?.Headers.NonValidated ?? default))
        {
            if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                head.Append(CultureInfo.InvariantCulture, $"{name}: {values}\r\n");
            }
        }

        head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n\r\n");
        connection.Write(Encoding.Latin1.GetBytes(head.ToString()));
        connection.Write(body.GetBuffer().AsSpan(0, (int)body.Length));
    }

    /// <summary>Reads an answer and finds out whether the connection can carry another request.</summary>
    private static (HttpResponseMessage Response, bool Keep) Read(NetworkStream connection, ref HttpRequestError error)
    {
        var buffer = new byte[HeadLimit];
        var (length, end) = (0, -1);
        while (end < 0)
        {
            var read = connection.Read(buffer.AsSpan(length));
            error = length + read > 0 ? HttpRequestError.InvalidResponse : error;
            length += read > 0 ? read : throw new FormatException($"The head of the answer has no end, or more than {HeadLimit} bytes.");
            end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
        }

        // HTTP/1.1 503 Service Unavailable
        // Retry-After: 5
        var lines = Encoding.Latin1.GetString(buffer, 0, end).Split("\r\n");
        if (lines[0].Split(' ', 3) is not [['H', 'T', 'T', 'P', '/', ..] version, var status, ..]
            || !int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var code)
            || code is < 200 or > 999)
        {
            throw new FormatException("The receiver does not speak HTTP/1.1. A receiver of gRPC, whose usual port is 4317, does not.");
        }

        var response = new HttpResponseMessage((HttpStatusCode)code);
        var rest = -1;
        foreach (var header in lines.Skip(1).Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).Where(parts => parts.Length == 2))
        {
            response.Headers.TryAddWithoutValidation(header[0], header[1]);
            if (header[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && int.TryParse(header[1], CultureInfo.InvariantCulture, out var content))
            {
                rest = content - (length - end - 4);
            }
        }

        // Nobody needs the body of an answer, but the next answer begins after it.
        var keep = version == "HTTP/1.1" && rest is >= 0 and <= HeadLimit && response.Headers.ConnectionClose is not true;
        if (keep && rest > 0)
        {
            connection.ReadExactly(buffer.AsSpan(0, rest));
        }

        return (response, keep);
    }
}
