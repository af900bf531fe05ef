using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>
/// Sends requests as HTTP/1.1 over a plain connection, one after the other: all that exporting telemetry takes, in a
/// binary that has no room for .NET's client with its TLS, HTTP/2, proxies, cookies and redirects.
/// https://www.rfc-editor.org/rfc/rfc9112
/// </summary>
internal sealed class PlainHttpHandler : HttpMessageHandler
{
    /// <summary>More than any answer's head has; one that is longer is none.</summary>
    private const int HeadLimit = 16 * 1024;

    /// <summary>The connection of the last request, if another can follow on it.</summary>
    private Socket? _idle;

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.Run(() => Send(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _idle, null) is { } idle)
        {
            try
            {
                return Send(request, idle, cancellationToken);
            }
            catch (HttpRequestException)
            {
                // The receiver has closed it in the meantime, as it may: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
            }
        }

        return Send(request, new Socket(SocketType.Stream, ProtocolType.Tcp), cancellationToken);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Interlocked.Exchange(ref _idle, null)?.Dispose();
        base.Dispose(disposing);
    }

    private HttpResponseMessage Send(HttpRequestMessage request, Socket socket, CancellationToken cancellationToken)
    {
        var keep = false;
        try
        {
            // The time limit of the client is in the token, and a blocking call knows no other way to end.
            using var cancellation = cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
            if (!socket.Connected)
            {
                socket.Connect(request.RequestUri!.DnsSafeHost, request.RequestUri.Port);
            }

            using var connection = new NetworkStream(socket);
            Write(request, connection, cancellationToken);
            (var response, keep) = Read(connection);
            return response;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException or FormatException)
        {
            throw new HttpRequestException(e.Message, e);
        }
        finally
        {
            (keep ? Interlocked.Exchange(ref _idle, socket) : socket)?.Dispose();
        }
    }

    private static void Write(HttpRequestMessage request, NetworkStream connection, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        request.Content?.CopyTo(body, null, cancellationToken);

        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"{request.Method} {request.RequestUri!.PathAndQuery} HTTP/1.1\r\nHost: {request.RequestUri.Authority}\r\n");
        AppendHeaders(request.Headers);
        if (request.Content is not null)
        {
            AppendHeaders(request.Content.Headers);
        }

        head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n\r\n");
        connection.Write(Encoding.Latin1.GetBytes(head.ToString()));
        connection.Write(body.GetBuffer().AsSpan(0, (int)body.Length));

        void AppendHeaders(HttpHeaders headers)
        {
            foreach (var (name, values) in headers.NonValidated)
            {
                if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
                {
                    head.Append(CultureInfo.InvariantCulture, $"{name}: {values}\r\n");
                }
            }
        }
    }

    /// <summary>Reads an answer, and whether another can follow it on the connection.</summary>
    private static (HttpResponseMessage Response, bool Keep) Read(NetworkStream connection)
    {
        var buffer = new byte[HeadLimit];
        var (length, end) = (0, -1);
        while (end < 0)
        {
            var read = connection.Read(buffer.AsSpan(length));
            if (read == 0)
            {
                throw new FormatException("The receiver closed the connection, or went on and on, before the end of its answer's head.");
            }

            length += read;
            end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
        }

        // HTTP/1.1 503 Service Unavailable
        // Retry-After: 5
        var lines = Encoding.Latin1.GetString(buffer, 0, end).Split("\r\n");
        if (lines[0].Split(' ', 3) is not [['H', 'T', 'T', 'P', '/', ..] version, var status, ..]
            || !int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var code)
            || code is < 200 or > 999)
        {
            throw new FormatException($"The receiver does not speak HTTP/1.1: '{lines[0]}'.");
        }

        var response = new HttpResponseMessage((HttpStatusCode)code);
        var rest = -1;
        foreach (var line in lines.Skip(1))
        {
            if (line.Split(':', 2) is [var name, var value])
            {
                response.Headers.TryAddWithoutValidation(name, value.Trim());
                if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && int.TryParse(value, CultureInfo.InvariantCulture, out var content))
                {
                    rest = content - (length - end - 4);
                }
            }
        }

        // Nobody looks at the body of an answer, but the next answer begins behind it.
        var keep = version == "HTTP/1.1" && rest is >= 0 and <= HeadLimit && response.Headers.ConnectionClose is not true;
        if (keep && rest > 0)
        {
            connection.ReadExactly(buffer.AsSpan(0, rest));
        }

        return (response, keep);
    }
}
