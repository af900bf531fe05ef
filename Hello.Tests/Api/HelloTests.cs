namespace Hello.Tests;

/// <summary>The three builds give the same answers: to requests as HTTP allows them, and to requests that it forbids.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class HelloTests(HelloApplication hello)
{
    private const string Close = "Connection: close";

    /// <summary>What the request is, the request, and the status of the answer.</summary>
    private static readonly (string What, string Request, int Code, string Reason)[] Errors =
    [
        ("an unknown path", Request("GET /nowhere", Close), 404, "Not Found"),
        ("a wrong method", Request("POST /hello", "Content-Length: 0", Close), 405, "Method Not Allowed"),
        ("a malformed request line", "GET\r\n\r\n", 400, "Bad Request"),
        ("no host", "GET /hello HTTP/1.1\r\n\r\n", 400, "Bad Request"),
        // https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2, with the name of the server and a key share.
        ("a TLS ClientHello", Encoding.Latin1.GetString(Convert.FromHexString(
            "16030100a8010000a40303" + new string('5', 64) + "20" + new string('a', 64) + "0006130113021303" + "01000055"
            + "0000000e000c0000096c6f63616c686f7374" + "000a00040002001d" + "000d000400020403" + "002b0003020304"
            + "003300260024001d0020" + new string('7', 64))) + "\r\n\r\n", 400, "Bad Request"),
        ("a chunk that overflows", Request("POST /hello", "Transfer-Encoding: chunked") + "ffffffffffffffff\r\nx\r\n0\r\n\r\n", 400, "Bad Request"),
        ("chunks that become too much",
            Request("POST /hello", "Transfer-Encoding: chunked") + string.Concat(Enumerable.Repeat($"400\r\n{new string('x', 1024)}\r\n", 5)),
            413, "Payload Too Large"),
        ("a large body", Request("POST /hello", "Content-Length: 1000000000"), 413, "Payload Too Large"),
        ("a long request line", Request($"GET /{new string('x', 9_000)}"), 414, "URI Too Long"),
        ("a large header", Request("GET /hello", $"X-Large: {new string('x', 20_000)}"), 431, "Request Header Fields Too Large"),
        // https://www.rfc-editor.org/rfc/rfc9112#section-6.3 and #section-11.2
        ("a request smuggled behind a chunked body that has a length",
            Request("POST /hello", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n" + Request("GET /hello"),
            405, "Method Not Allowed"),
        ("a request smuggled behind a folded header", Request("GET /hello", "X: a", " b") + Request("GET /hello"), 400, "Bad Request"),
    ];

    private static readonly string[] UnusualRequests =
    [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", // https://www.rfc-editor.org/rfc/rfc9113#section-3.4
        Request("GET /hello", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
            + Request("GET /hello", Close),
        Request(
            "GET /hello", "Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nConnection: close\r\n\r\n",
        "GET http://other/hello?a=%00&b=%zz HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
        Request("GET /%ff%fe/..%2f..%2fetc%2fpasswd", Close),
        Request("GET /hell\u00f6", Close),
        Request("GET /hello", "Host: i", Close),
        Request(
            "GET /hello", "Accept-Encoding: gzip, br, zstd", "Accept-Language: tlh", "Cookie: a=b; c", "Authorization: Negotiate AAAA",
            "Range: bytes=0-1", "traceparent: 00-zz-zz-zz", "baggage: ,,=,", Close),
        Request("POST /hello", "Transfer-Encoding: gzip, chunked", Close) + "3\r\nabc\r\n0\r\n\r\n",
        Request("POST /hello", "Content-Length: 3", "Content-Length: 4", Close) + "abc",
        Request("POST /hello", "Content-Length: 3", "Expect: 100-continue", "Content-Type: multipart/form-data; boundary=x", Close) + "abc",
    ];

    /// <summary>A HEAD, also one that Kestrel rejects, a request as large as it may be, and a target that names another host than the header.</summary>
    private static readonly (string Request, string Status, string Body)[] Edges =
    [
        (Request("HEAD /hello", Close), "200 OK", HelloImages.Greeting),
        ("HEAD /hello HTTP/1.1\r\n\r\n", "400 Bad Request", """{"code":400,"result":"Bad Request"}"""),
        (Request(
            $"POST /{new string('x', 8_150)}",
            ["Content-Length: 4096", Close, .. Enumerable.Range(0, 16).Select(i => $"X-{i}: {new string('x', 1_000)}")]) + new string('x', 4_096),
            "404 Not Found", """{"code":404,"result":"Not Found"}"""),
        // The target alone says which host is meant: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2.
        (Request("GET http://a/hello", Close), "200 OK", HelloImages.Greeting),
    ];

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_request_at_the_edge_of_what_is_allowed_is_answered_and_head_with_the_headers_only(ImageSpecification image)
    {
        foreach (var (request, status, body) in Edges)
        {
            var answer = await SendAsync(image, request);

            Assert.StartsWith($"HTTP/1.1 {status}\r\n", answer, StringComparison.Ordinal);
            Assert.Contains($"\r\nContent-Length: {body.Length}\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("\r\nContent-Type: application/json; charset=utf-8\r\n", answer, StringComparison.Ordinal);
            Assert.EndsWith(request.StartsWith("HEAD ", StringComparison.Ordinal) ? "\r\n\r\n" : $"\r\n\r\n{body}", answer, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task An_error_or_an_attack_is_one_answer_in_the_shape_of_the_greeting_with_its_own_code(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        foreach (var (what, request, code, reason) in Errors)
        {
            var answer = await SendAsync(image, request);
            var body = $$"""{"code":{{code}},"result":"{{reason}}"}""";

            // The bytes behind the request, such as a smuggled one, get no answer. A wrong method is told the right ones.
            Assert.True(
                answer.StartsWith($"HTTP/1.1 {code} {reason}\r\n", StringComparison.Ordinal) && Regex.Count(answer, "HTTP/1.1 ") == 1
                    && answer.Contains("\r\nContent-Type: application/json; charset=utf-8\r\n", StringComparison.Ordinal)
                    && answer.Contains($"\r\nContent-Length: {body.Length}\r\n", StringComparison.Ordinal)
                    && answer.Contains("\r\nAllow: GET, HEAD\r\n", StringComparison.Ordinal) == (code == 405)
                    && answer.EndsWith($"\r\n\r\n{body}", StringComparison.Ordinal),
                $"A request with {what} was answered with {answer}");
            Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        }
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

            // A client that speaks HTTP/2 gets a frame of HTTP/2, which a body would break.
            Assert.True(Regex.IsMatch(answer, @"^($|HTTP/1\.1 (?!500)|\0\0[^{]*$)"), $"{request} was answered with {answer}");
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
            from start in (string[])["GET /hello HTTP/1.1\r\nX: ", Request("POST /hello", "Content-Length: 4000")]
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

    /// <summary>A request as it is sent, up to the empty line behind its headers.</summary>
    private static string Request(string line, params string[] headers) => string.Join("\r\n", [$"{line} HTTP/1.1", "Host: h", .. headers, "", ""]);

    /// <summary>Sends bytes that no HTTP client would send, and reads until the other end closes.</summary>
    private async Task<string> SendAsync(ImageSpecification image, string request)
    {
        using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));
        await connection.SendAsync(request);
        return await connection.ReadToEndAsync();
    }
}
