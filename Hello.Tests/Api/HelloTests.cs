using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hello.Tests;

/// <summary>The three builds give the same answers.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class HelloTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Head_hello_answers_with_the_headers_only(ImageSpecification image)
    {
        var answer = await SendAsync(image, "HEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Length: 36\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Type: application/json; charset=utf-8\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task An_error_is_answered_in_the_shape_of_the_greeting_with_its_own_code(ImageSpecification image, string what, int code, string reason)
    {
        var answer = await SendAsync(image, Requests[what]);
        var body = $$"""{"code":{{code}},"result":"{{reason}}"}""";

        Assert.StartsWith($"HTTP/1.1 {code} {reason}\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Type: application/json; charset=utf-8\r\n", answer, StringComparison.Ordinal);
        Assert.Contains($"\r\nContent-Length: {body.Length}\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith($"\r\n\r\n{body}", answer, StringComparison.Ordinal);

        // The process still answers.
        using var client = hello.App.CreateHttpClient(image.Resource);
        Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_answer_to_a_wrong_method_lists_the_right_ones(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        using var response = await client.DeleteAsync(new Uri("/hello", UriKind.Relative));

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET", "HEAD"], response.Content.Headers.Allow.Order());
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Health_and_alive_answer_in_one_word(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);

        Assert.Equal("Healthy", await client.GetStringAsync(new Uri("/health", UriKind.Relative)));
        Assert.Equal("Healthy", await client.GetStringAsync(new Uri("/alive", UriKind.Relative)));
    }

    /// <summary>No request may reach code that has been left out of the binary, or end the process.</summary>
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task An_unusual_request_is_answered_or_closed_and_the_next_one_is_right(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        var container = hello.ContainerId(image);
        foreach (var request in UnusualRequests)
        {
            var answer = await SendAsync(image, request);

            Assert.True(
                answer.Length == 0 || answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) || answer.StartsWith("\0\0", StringComparison.Ordinal),
                $"{request} was answered with {answer}");
            Assert.False(answer.StartsWith("HTTP/1.1 500", StringComparison.Ordinal), $"{request} was answered with {answer}");
            Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        }

        Assert.Equal(container, hello.ContainerId(image));
        Assert.Equal("true", await CommandLine.DockerAsync("inspect", "--format", "{{.State.Running}}", container));
        Assert.DoesNotContain(await hello.ConsoleLogAsync(image), line => line.Contains("NotSupportedException", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_request_that_comes_too_slowly_is_answered_with_408()
    {
        await Task.WhenAll(
            from image in HelloImages.Specification
            from start in (string[])["GET /hello HTTP/1.1\r\nX: ", "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n"]
            select AssertTimesOutAsync(image, start));

        async Task AssertTimesOutAsync(ImageSpecification image, string start)
        {
            using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));
            await connection.SendAsync(start);
            var answer = connection.ReadAnswerAsync();
            while (!answer.IsCompleted)
            {
                connection.Offer("x");
                await Task.WhenAny(answer, Task.Delay(500));
            }

            Assert.StartsWith("HTTP/1.1 408 Request Timeout\r\n", await answer, StringComparison.Ordinal);
            Assert.EndsWith("""{"code":408,"result":"Request Timeout"}""", await answer, StringComparison.Ordinal);
        }
    }

    private static readonly string[] UnusualRequests =
    [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", // https://www.rfc-editor.org/rfc/rfc9113#section-3.4
        "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nConnection: close\r\n\r\n",
        "TRACE /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "BREW /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET http://other/hello?a=%00&b=%zz HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
        "GET /%ff%fe/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /hell\u00f6 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nHost: i\r\nConnection: close\r\n\r\n",
        "GET /hello HTTP/0.9\r\n\r\n",
        "GET /hello HTTP/1.0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br, zstd\r\nAccept-Language: tlh\r\nCookie: a=b; c\r\nAuthorization: Negotiate AAAA\r\nRange: bytes=0-1\r\ntraceparent: 00-zz-zz-zz\r\nbaggage: ,,=,\r\nConnection: close\r\n\r\n",
        "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabc",
        "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\nContent-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n\r\nabc",
    ];

    private static readonly Dictionary<string, string> Requests = new()
    {
        ["unknown path"] = "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        ["wrong method"] = "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ["malformed request line"] = "GET\r\n\r\n",
        ["malformed header"] = "GET /hello HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        ["no host"] = "GET /hello HTTP/1.1\r\n\r\n",
        ["TLS on the plain port"] = "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n",
        ["large body"] = "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n",
        ["overflowing chunk"] = "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n0\r\n\r\n",
        ["long request line"] = $"GET /{new string('x', 9_000)} HTTP/1.1\r\nHost: h\r\n\r\n",
        ["large header"] = $"GET /hello HTTP/1.1\r\nHost: h\r\nX-Large: {new string('x', 20_000)}\r\n\r\n",
        ["many headers"] = $"GET /hello HTTP/1.1\r\nHost: h\r\n{string.Concat(Enumerable.Range(0, 100).Select(i => $"X-{i}: x\r\n"))}\r\n",
    };

    public static TheoryData<ImageSpecification, string, int, string> Errors
    {
        get
        {
            var data = new TheoryData<ImageSpecification, string, int, string>();
            foreach (var image in HelloImages.Specification)
            {
                data.Add(image, "unknown path", 404, "Not Found");
                data.Add(image, "wrong method", 405, "Method Not Allowed");
                data.Add(image, "malformed request line", 400, "Bad Request");
                data.Add(image, "malformed header", 400, "Bad Request");
                data.Add(image, "no host", 400, "Bad Request");
                data.Add(image, "TLS on the plain port", 400, "Bad Request");
                data.Add(image, "overflowing chunk", 400, "Bad Request");
                data.Add(image, "large body", 413, "Payload Too Large");
                data.Add(image, "long request line", 414, "URI Too Long");
                data.Add(image, "large header", 431, "Request Header Fields Too Large");
                data.Add(image, "many headers", 431, "Request Header Fields Too Large");
            }

            return data;
        }
    }

    /// <summary>Sends bytes that no HTTP client would send, and reads until the other end closes.</summary>
    private async Task<string> SendAsync(ImageSpecification image, string request)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var endpoint = hello.App.GetEndpoint(image.Resource);
        using var connection = new TcpClient();
        await connection.ConnectAsync(endpoint.Host, endpoint.Port, limit.Token);
        var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), limit.Token);
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, limit.Token);
        }
        catch (IOException)
        {
            // The other end closed before it had read the whole request. TCP then sends a reset behind the answer.
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }
}
