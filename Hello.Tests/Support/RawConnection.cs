using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Hello.Tests;

/// <summary>A connection over which a test sends what no HTTP client would, and sees what comes back byte for byte.</summary>
public sealed class RawConnection : IDisposable
{
    /// <summary>A request that has sent nearly all the headers that it may, and does not end.</summary>
    public static readonly string HeadersWithoutEnd = $"GET /hello HTTP/1.1\r\n{string.Concat(Enumerable.Range(0, 15).Select(i => $"X-{i}: {new string('x', 1_000)}\r\n"))}";

    private readonly TcpClient _client = new();
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(30));
    private readonly List<byte> _received = [];

    private RawConnection()
    {
    }

    /// <summary>Connects; the connection may be used for 30 s.</summary>
    /// <param name="address">Host and port.</param>
    /// <returns>The connection.</returns>
    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
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

    /// <summary>Opens many, one after the other, each of which sends the same and is left alone.</summary>
    /// <param name="address">Host and port.</param>
    /// <param name="count">How many.</param>
    /// <param name="request">What each sends.</param>
    /// <param name="opened">Called with each that is open.</param>
    /// <returns>Completes once all are open.</returns>
    public static async Task OpenManyAsync(Uri address, int count, string request, Action<RawConnection> opened)
    {
        ArgumentNullException.ThrowIfNull(opened);
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

    /// <summary>Sends what the other end takes at once, be that all of it or a part, and does not wait.</summary>
    /// <param name="bytes">Each character is a byte.</param>
    public void Offer(string bytes)
    {
        _client.Client.Blocking = false;
        _client.Client.Send(Encoding.Latin1.GetBytes(bytes), SocketFlags.None, out _);
    }

    /// <summary>Sends.</summary>
    /// <param name="bytes">Each character is a byte.</param>
    /// <returns>Completes once it has been sent.</returns>
    public Task SendAsync(string bytes) => _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes), _limit.Token).AsTask();

    /// <summary>Reads one answer, head and body, whose length its head tells.</summary>
    /// <returns>The answer; what has come of it where the other end closes before its end.</returns>
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
    /// <returns>All that has come.</returns>
    public async Task<string> ReadToEndAsync()
    {
        var buffer = new byte[4096];
        while (await ReadAsync(buffer) is var read and > 0)
        {
            _received.AddRange(buffer[..read]);
        }

        return Encoding.Latin1.GetString([.. _received]);
    }

    /// <inheritdoc/>
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
            return 0; // Closed with something of ours unread, which TCP tells by a reset.
        }
    }
}
