using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Hello.Tests;

/// <summary>A connection on which a test sends bytes that no HTTP client would send, and reads the bytes that come back.</summary>
internal sealed class RawConnection : IDisposable
{
    /// <summary>A request with nearly as many headers as it may have. It does not end.</summary>
    public static readonly string HeadersWithoutEnd =
        $"GET /hello HTTP/1.1\r\n{string.Concat(Enumerable.Range(0, 15).Select(i => $"X-{i}: {new string('x', 1_000)}\r\n"))}";

    private readonly TcpClient _client = new();
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromMinutes(1));
    private readonly List<byte> _received = [];

    private RawConnection()
    {
    }

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
    /// <param name="opened">Called with each connection once it is open.</param>
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
    /// <param name="bytes">Each character is a byte.</param>
    public void Offer(string bytes)
    {
        _client.Client.Blocking = false;
        _client.Client.Send(Encoding.Latin1.GetBytes(bytes), SocketFlags.None, out _);
    }

    /// <summary>Sends.</summary>
    /// <param name="bytes">Each character is a byte.</param>
    public Task SendAsync(string bytes) => _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes), _limit.Token).AsTask();

    /// <summary>Reads one answer, head and body. The head says how long the body is.</summary>
    /// <returns>The answer, or the part of it that came before the other end closed.</returns>
    public async Task<string> ReadAnswerAsync()
    {
        var buffer = new byte[4096];
        while (true)
        {
            var text = Encoding.Latin1.GetString([.. _received]);
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end and >= 0)
            {
                var length = end + 4 + text[..end].Split("\r\n")
                    .Where(line => line.StartsWith("Content-Length: ", StringComparison.Ordinal))
                    .Sum(line => int.Parse(line["Content-Length: ".Length..], CultureInfo.InvariantCulture));
                if (text.Length >= length)
                {
                    _received.RemoveRange(0, length);
                    return text[..length];
                }
            }

            if (await ReadAsync(buffer) is var read and > 0)
            {
                _received.AddRange(buffer[..read]);
            }
            else
            {
                return text;
            }
        }
    }

    /// <summary>Reads until the other end closes.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var buffer = new byte[4096];
        while (await ReadAsync(buffer) is var read and > 0)
        {
            _received.AddRange(buffer[..read]);
        }

        return Encoding.Latin1.GetString([.. _received]);
    }

    public void Dispose()
    {
        _client.Dispose();
        _limit.Dispose();
    }

    private async Task<int> ReadAsync(byte[] buffer)
    {
        try
        {
            return await _client.GetStream().ReadAsync(buffer, _limit.Token);
        }
        catch (IOException)
        {
            return 0; // The other end closed before it had read all our bytes. TCP then sends a reset.
        }
    }
}
