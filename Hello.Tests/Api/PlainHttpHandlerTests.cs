using Hello.ServiceDefaults.Otlp;

namespace Hello.Tests;

/// <summary>The HTTP client of the native binary sends a request again only if no byte of an answer came on a kept connection.</summary>
public sealed class PlainHttpHandlerTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly HttpMessageInvoker _client = new(new PlainHttpHandler());
    private readonly OtlpReceiver _receiver;
    private Func<OtlpExport, string?> _answer = _ => OtlpReceiver.Ok;
    private int _sent;

    public PlainHttpHandlerTests() => _receiver = new(export => _answer(export));

    /// <summary>Of each request that has arrived, the number of its connection and its body.</summary>
    private IEnumerable<(int Connection, string Body)> Arrived => _receiver.Exports.Select(e => (e.Connection, Encoding.ASCII.GetString(e.Body)));

    public void Dispose()
    {
        _client.Dispose();
        _receiver.DisposeAsync().AsTask().Wait();
    }

    /// <param name="answer">What the receiver sends of its answer.</param>
    /// <param name="end">Whether it then ends the connection, with a reset or without, or does nothing until the client gives up.</param>
    [Theory]
    [InlineData("H", "close")]
    [InlineData("HTTP/1.1 200 OK\r\n", "reset")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", "close")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n\r\n", "close")]
    [InlineData("", "stall")]
    [InlineData("HTTP/1.1 200", "stall")]
    public void A_request_on_a_kept_connection_is_sent_once_if_its_answer_breaks_off_or_its_time_is_up(string answer, string end)
    {
        using var time = new CancellationTokenSource();
        _answer = export => export.Body is [(byte)'1'] ? End(export.Connection, answer, end, time) : OtlpReceiver.Ok;
        Assert.Equal(HttpStatusCode.OK, Send());

        var failure = Record.Exception(() => Send(time.Token));
        Assert.IsType(end == "stall" ? typeof(OperationCanceledException) : typeof(HttpRequestException), failure);

        // The next request is not harmed, and shows that the broken one was not sent again before it.
        Assert.Equal(HttpStatusCode.OK, Send());
        Assert.Equal([(1, "0"), (1, "1"), (2, "2")], Arrived);
    }

    [Theory]
    [InlineData("close")]
    [InlineData("reset")]
    public void A_request_is_sent_again_if_no_byte_of_an_answer_came_on_a_kept_connection_and_not_on_a_new_one(string end)
    {
        _answer = export => (export.Connection, export.Body) is (1, [(byte)'1']) or (3, _) ? End(export.Connection, "", end) : OtlpReceiver.Ok;
        Assert.Equal(HttpStatusCode.OK, Send());

        Assert.Equal(HttpStatusCode.OK, Send());
        Assert.Equal([(1, "0"), (1, "1"), (2, "1")], Arrived);

        _receiver.Connections[2].Client.Shutdown(SocketShutdown.Both);
        Assert.ThrowsAny<HttpRequestException>(() => Send());
        Assert.Equal(HttpStatusCode.OK, Send());
        Assert.Equal([(3, "2"), (4, "3")], Arrived.Skip(3));
    }

    /// <summary>A receiver closes an idle connection after a while. Some send a 408 first.</summary>
    [Theory]
    [InlineData("", true)]
    [InlineData("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", false)]
    public void A_request_takes_another_connection_if_the_idle_one_has_been_closed_or_holds_an_answer_to_nothing(string unasked, bool close)
    {
        Assert.Equal(HttpStatusCode.OK, Send());
        _receiver.Connections[1].Client.Send(Encoding.ASCII.GetBytes(unasked));
        if (close)
        {
            _receiver.Connections[1].Client.Shutdown(SocketShutdown.Both);
        }

        Assert.Equal(HttpStatusCode.OK, Send());

        Assert.Equal([(1, "0"), (2, "1")], Arrived);
    }

    /// <summary>Sends a POST whose body is its number.</summary>
    private HttpStatusCode Send(CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{_receiver.Port}/v1/traces"));
        request.Content = new StringContent((_sent++).ToString(CultureInfo.InvariantCulture));
        using var response = _client.Send(request, limit.Token);
        return response.StatusCode;
    }

    /// <summary>Sends a part of an answer, and ends the connection or makes the client give up.</summary>
    private string? End(int connection, string answer, string end, CancellationTokenSource? time = null)
    {
        var client = _receiver.Connections[connection];
        client.Client.Send(Encoding.ASCII.GetBytes(answer));
        if (end == "stall")
        {
            time!.CancelAfter(TimeSpan.FromMilliseconds(300)); // by then, the client waits for the rest
            return null;
        }

        client.LingerState = new(enable: end == "reset", seconds: 0);
        client.Close();
        return null;
    }
}
