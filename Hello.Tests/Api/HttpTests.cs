using System.Text;

namespace Hello.Tests;

/// <summary>Requests as HTTP allows them are answered, and requests that it forbids are refused.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class HttpTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Pipelined_requests_are_all_answered_in_order(ImageSpecification image)
    {
        (string Line, string Answer)[] known =
        [
            ("GET /hello", HelloImages.Greeting),
            ("GET /nowhere", """{"code":404,"result":"Not Found"}"""),
            ("DELETE /hello", """{"code":405,"result":"Method Not Allowed"}"""),
        ];
        var asked = Enumerable.Range(0, 1_000).Select(i => known[i * i % 7 % known.Length]).ToArray();
        using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));

        await connection.SendAsync(string.Concat(asked.Select(request => $"{request.Line} HTTP/1.1\r\nHost: h\r\n\r\n")));

        for (var i = 0; i < asked.Length; i++)
        {
            var answer = await connection.ReadAnswerAsync();
            Assert.True(answer.EndsWith(asked[i].Answer, StringComparison.Ordinal), $"Request {i}, {asked[i].Line}, was answered with '{answer}'.");
        }
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_request_as_large_as_it_may_be_is_answered(ImageSpecification image)
    {
        using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));

        await connection.SendAsync(
            $"POST /{new string('x', 8_150)} HTTP/1.1\r\nHost: h\r\nContent-Length: 4096\r\n"
            + $"{string.Concat(Enumerable.Range(0, 16).Select(i => $"X-{i}: {new string('x', 1_000)}\r\n"))}\r\n{new string('x', 4_096)}");

        Assert.StartsWith("HTTP/1.1 404 Not Found\r\n", await connection.ReadAnswerAsync(), StringComparison.Ordinal);
    }

    /// <summary>The target alone says which host is meant: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2.</summary>
    [Fact]
    public Task A_target_in_absolute_form_is_answered_whatever_the_host_is() => AtOnce.RunAsync(HelloImages.Specification, async image =>
    {
        using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));

        await connection.SendAsync("GET http://a/hello HTTP/1.1\r\nHost: b\r\n\r\n");

        var answer = await connection.ReadAnswerAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith(HelloImages.Greeting, answer, StringComparison.Ordinal);
    });

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task An_attack_is_refused_with_its_code_and_the_next_request_is_answered(ImageSpecification image, string what, int code)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));

        await connection.SendAsync(Requests[what]);
        var answer = await connection.ReadToEndAsync();

        // One answer: the bytes behind it, such as a smuggled request, are not read.
        Assert.True(answer.StartsWith($"HTTP/1.1 {code} ", StringComparison.Ordinal), $"{what} was answered with {answer}");
        Assert.Single(answer.Split("HTTP/1.1 "), part => part.Length > 0);
        Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
    }

    public static TheoryData<ImageSpecification, string, int> Attacks
    {
        get
        {
            var data = new TheoryData<ImageSpecification, string, int>();
            foreach (var image in HelloImages.Specification)
            {
                data.Add(image, "a TLS ClientHello", 400);
                data.Add(image, "a request smuggled behind a chunked body that has a length", 405);
                data.Add(image, "a request smuggled behind a folded header", 400);
                data.Add(image, "a request smuggled behind a bare line feed", 400);
                data.Add(image, "a negative length", 400);
                data.Add(image, "a zero byte in a header", 400);
                data.Add(image, "a chunk that is no number", 400);
                data.Add(image, "chunks that become too much", 413);
                data.Add(image, "a header without end", 431);
            }

            return data;
        }
    }

    private static readonly Dictionary<string, string> Requests = new()
    {
        // https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2, with the name of the server and a key share.
        ["a TLS ClientHello"] = Encoding.Latin1.GetString(Convert.FromHexString(
            "16030100a8010000a40303" + new string('5', 64) + "20" + new string('a', 64) + "0006130113021303" + "01000055"
            + "0000000e000c0000096c6f63616c686f7374" + "000a00040002001d" + "000d000400020403" + "002b0003020304"
            + "003300260024001d0020" + new string('7', 64))) + "\r\n\r\n",
        // https://www.rfc-editor.org/rfc/rfc9112#section-6.3 and #section-11.2
        ["a request smuggled behind a chunked body that has a length"] = "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        ["a request smuggled behind a folded header"] = "GET /hello HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        ["a request smuggled behind a bare line feed"] = "GET /hello HTTP/1.1\r\nHost: h\r\nX: a\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        ["a negative length"] = "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        ["a zero byte in a header"] = "GET /hello HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        ["a chunk that is no number"] = "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        ["chunks that become too much"] = $"POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{string.Concat(Enumerable.Repeat($"400\r\n{new string('x', 1024)}\r\n", 5))}",
        ["a header without end"] = $"GET /hello HTTP/1.1\r\nHost: h\r\nX: {new string('x', 30_000)}",
    };
}
