using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hello.ServiceDefaults.Otlp;

namespace Hello.Tests;

/// <summary>The HTTP client of the native binary sends a request again only if no byte of an answer came on a kept connection.</summary>
public sealed class PlainHttpHandlerTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>What a receiver sends of its answer before it ends the connection, and how it ends it.</summary>
    public static TheoryData<string, bool> BrokenAnswers
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var reset in (bool[])[false, true])
            {
                data.Add("H", reset);
                data.Add("HTTP/1.1 200 OK\r\n", reset);
                data.Add("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", reset);
                data.Add("SSH-2.0-OpenSSH_9.2\r\n\r\n", reset);
            }

            return data;
        }
    }

    [Fact]
    public async Task A_connection_carries_one_request_after_the_other()
    {
        await using var receiver = new Receiver(_ => new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, Send(client, receiver));
        }

        Assert.Equal([(1, "0"), (1, "1"), (1, "2")], receiver.Requests);
    }

    [Theory]
    [MemberData(nameof(BrokenAnswers))]
    public async Task A_request_on_a_kept_connection_is_sent_once_if_its_answer_breaks_off(string answer, bool reset)
    {
        await using var receiver = new Receiver(request => request == 1 ? new(answer, reset ? End.Reset : End.Close) : new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());
        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));

        Assert.Throws<HttpRequestException>(() => Send(client, receiver));

        // The next request is not harmed, and shows that the broken one was not sent again before it.
        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));
        Assert.Equal([(1, "0"), (1, "1"), (2, "2")], receiver.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_on_a_kept_connection_is_sent_again_if_no_byte_of_an_answer_came(bool reset)
    {
        await using var receiver = new Receiver(request => request == 1 ? new("", reset ? End.Reset : End.Close) : new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());
        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));

        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));

        Assert.Equal([(1, "0"), (1, "1"), (2, "1")], receiver.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_on_a_new_connection_is_sent_once_if_no_byte_of_an_answer_came(bool reset)
    {
        await using var receiver = new Receiver(request => request == 0 ? new("", reset ? End.Reset : End.Close) : new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());

        Assert.ThrowsAny<HttpRequestException>(() => Send(client, receiver));

        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));
        Assert.Equal([(1, "0"), (2, "1")], receiver.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200")]
    public async Task A_request_on_a_kept_connection_is_sent_once_if_its_time_is_up(string answer)
    {
        await using var receiver = new Receiver(request => request == 1 ? new(answer, End.Keep) : new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());
        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));

        using var timeOut = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        Assert.Throws<OperationCanceledException>(() => Send(client, receiver, timeOut.Token));

        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));
        Assert.Equal([(1, "0"), (1, "1"), (2, "2")], receiver.Requests);
    }

    [Fact]
    public async Task A_request_that_is_cancelled_before_it_is_sent_never_arrives()
    {
        await using var receiver = new Receiver(_ => new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());
        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));

        Assert.Throws<OperationCanceledException>(() => Send(client, receiver, new CancellationToken(canceled: true)));

        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));
        Assert.Equal(["0", "2"], receiver.Requests.Select(request => request.Body));
    }

    /// <summary>A receiver closes an idle connection after a while. Some send a 408 first.</summary>
    [Theory]
    [InlineData("", End.Close)]
    [InlineData("", End.Reset)]
    [InlineData("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", End.Close)]
    [InlineData("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", End.Keep)]
    internal async Task A_request_takes_another_connection_if_the_idle_one_has_been_closed_or_holds_an_answer_to_nothing(string unasked, End end)
    {
        await using var receiver = new Receiver(request => request == 0 ? new(Ok, end, unasked) : new(Ok, End.Keep));
        using var client = new HttpMessageInvoker(new PlainHttpHandler());
        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));
        await receiver.EndFirstAsync();

        Assert.Equal(HttpStatusCode.OK, Send(client, receiver));

        Assert.Equal([(1, "0"), (2, "1")], receiver.Requests);
    }

    private int _sent;

    /// <summary>Sends a POST whose body is its number.</summary>
    private HttpStatusCode Send(HttpMessageInvoker client, Receiver receiver, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using var request = new HttpRequestMessage(HttpMethod.Post, receiver.Address) { Content = new StringContent((_sent++).ToString(CultureInfo.InvariantCulture)) };
        using var response = client.Send(request, limit.Token);
        return response.StatusCode;
    }

    internal enum End
    {
        Keep,
        Close,
        Reset,
    }

    /// <param name="Text">The answer.</param>
    /// <param name="End">What the receiver does with the connection after the answer.</param>
    /// <param name="Unasked">What the receiver sends after the client has read the answer. Null if it does not wait for that.</param>
    private sealed record Answer(string Text, End End, string? Unasked = null);

    /// <summary>Counts the requests and answers each of them as the test says.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Func<int, Answer> _answer;
        private readonly CancellationTokenSource _stopping = new(Limit);
        private readonly TaskCompletionSource _firstIsRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _firstHasEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ConcurrentQueue<(int Connection, string Body)> _requests = [];
        private readonly Task _accepting;

        public Receiver(Func<int, Answer> answer)
        {
            _answer = answer;
            _listener.Start();
            _accepting = AcceptAsync();
        }

        public Uri Address => new($"http://{_listener.LocalEndpoint}/v1/traces");

        /// <summary>Of each request, the number of its connection and its body.</summary>
        public IEnumerable<(int Connection, string Body)> Requests => _requests;

        /// <summary>Lets the receiver do what comes after its first answer, which the client has read by now.</summary>
        public Task EndFirstAsync()
        {
            _firstIsRead.SetResult();
            return _firstHasEnded.Task.WaitAsync(_stopping.Token);
        }

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            await _accepting;
            _listener.Dispose();
            _stopping.Dispose();
        }

        private async Task AcceptAsync()
        {
            List<Task> served = [];
            try
            {
                while (true)
                {
                    served.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token), served.Count + 1));
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }

            await Task.WhenAll(served);
        }

        private async Task ServeAsync(TcpClient client, int connection)
        {
            using (client)
            {
                try
                {
                    using var reader = new StreamReader(client.GetStream(), Encoding.Latin1, leaveOpen: true);
                    while (await ReadBodyAsync(reader) is { } body)
                    {
                        var number = _requests.Count;
                        _requests.Enqueue((connection, body));
                        var (text, end, unasked) = _answer(number);
                        await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(text), _stopping.Token);
                        if (unasked is not null)
                        {
                            await _firstIsRead.Task.WaitAsync(_stopping.Token);
                            await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(unasked), _stopping.Token);
                        }

                        if (end != End.Keep)
                        {
                            client.LingerState = new(enable: end == End.Reset, seconds: 0);
                            client.Close();
                        }

                        _firstHasEnded.TrySetResult();
                        if (end != End.Keep)
                        {
                            return;
                        }
                    }
                }
                catch (Exception e) when (e is IOException or OperationCanceledException)
                {
                    // The client has closed the connection, or the test is over.
                }
            }
        }

        /// <summary>Reads a request, which has a Content-Length.</summary>
        /// <returns>Its body; null if there is no further request.</returns>
        private async Task<string?> ReadBodyAsync(StreamReader reader)
        {
            var length = -1;
            while (await reader.ReadLineAsync(_stopping.Token) is { } line)
            {
                if (line.StartsWith("Content-Length: ", StringComparison.Ordinal))
                {
                    length = int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
                }
                else if (line.Length == 0)
                {
                    var body = new char[length];
                    return await reader.ReadBlockAsync(body, _stopping.Token) == length ? new(body) : null;
                }
            }

            return null;
        }
    }
}
