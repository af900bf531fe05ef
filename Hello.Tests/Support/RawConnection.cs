namespace Hello.Tests;

/// <summary>A connection on which a test sends bytes that no HTTP client would send, and reads the bytes that come back.</summary>
internal sealed class RawConnection : IDisposable
{
    /// <summary>A request with nearly as many headers as it may have. It does not end.</summary>
    public static readonly string HeadersWithoutEnd =
        $"GET /hello HTTP/1.1\r\n{string.Concat(Enumerable.Range(0, 15).Select(i => $"X-{i}: {new string('x', 1_000)}\r\n"))}";

    private const string ContentLength = "Content-Length: ";

    private readonly TcpClient _client = new();
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromMinutes(1));
    private string _received = "";

    private RawConnection()
    {
    }

    /// <summary>Of the first answer, once its head is complete.</summary>
    private int AnswerLength => _received.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end and >= 0
        ? end + 4 + _received[..end].Split("\r\n").Where(line => line.StartsWith(ContentLength, StringComparison.Ordinal))
            .Sum(line => int.Parse(line[ContentLength.Length..], CultureInfo.InvariantCulture))
        : int.MaxValue;

    /// <summary>Connects; the connection may be used for a minute.</summary>
    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var connection = new RawConnection();
        try
        {
            await connection._client.ConnectAsync(address.Host, address.Port, connection._limit.Token);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Opens many connections one after the other. Each sends the same bytes and nothing else.</summary>
    public static async Task OpenManyAsync(Uri address, int count, string request, Action<RawConnection> opened)
    {
        for (var i = 0; i < count; i++)
        {
            var connection = await OpenAsync(address);
            opened(connection);
            if (request.Length > 0)
            {
                connection.Offer(request);
            }
        }
    }

    /// <summary>Sends as many of the bytes as the other end takes at once, and does not wait.</summary>
    public void Offer(string bytes)
    {
        _client.Client.Blocking = false;
        _client.Client.Send(Encoding.Latin1.GetBytes(bytes), SocketFlags.None, out _);
    }

    public Task SendAsync(string bytes) => _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes), _limit.Token).AsTask();

    /// <summary>Reads one answer, head and body. The head says how long the body is.</summary>
    /// <returns>The answer, or the part of it that came before the other end closed.</returns>
    public async Task<string> ReadAnswerAsync()
    {
        while (AnswerLength > _received.Length && await ReceiveAsync())
        {
        }

        var answer = _received[..Math.Min(AnswerLength, _received.Length)];
        _received = _received[answer.Length..];
        return answer;
    }

    public async Task<string> ReadToEndAsync()
    {
        while (await ReceiveAsync())
        {
        }

        return _received;
    }

    public void Dispose()
    {
        _client.Dispose();
        _limit.Dispose();
    }

    private async Task<bool> ReceiveAsync()
    {
        try
        {
            var buffer = new byte[4096];
            var read = await _client.GetStream().ReadAsync(buffer, _limit.Token);
            _received += Encoding.Latin1.GetString(buffer, 0, read);
            return read > 0;
        }
        catch (IOException)
        {
            return false; // The other end closed before it had read all our bytes. TCP then sends a reset.
        }
    }
}
