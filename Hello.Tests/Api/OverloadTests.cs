using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Hello.Compare.Load;

namespace Hello.Tests;

/// <summary>A client that sends too much, too slowly or nothing keeps no other client from an answer.</summary>
[Collection(OverloadCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class OverloadTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Ten_thousand_idle_connections_keep_nobody_out(HelloImage image)
    {
        // So few descriptors that old connections must be closed before new ones get one.
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. await LimitsAsync(image), "--ulimit", "nofile=1024:1024"]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        await AssertAnsweredAmongAsync(container, count: 10_000, request: "");
    }

    [Theory]
    [MemberData(nameof(Holders))]
    public async Task Connections_that_hold_on_to_a_request_keep_nobody_out(HelloImage image, string what, int count)
    {
        await using var container = await PlainContainer.RunOnHostAsync(image, await LimitsAsync(image));
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        await AssertAnsweredAmongAsync(container, count, Held[what]);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task On_a_machine_with_many_cores_it_needs_no_more_threads_than_a_container_may_have(HelloImage image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. await LimitsAsync(image), "--env", "DOTNET_PROCESSOR_COUNT=128", .. receiver.Options]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        var load = await LoadBurst.SendAsync(
            new(container.Address, "/hello"), new() { Requests = 10_000, Connections = 256, Duration = TimeSpan.FromSeconds(30) }, progress: null, CancellationToken.None);

        Assert.True(load is { Sent: 10_000, Errors: 0 }, $"Of {load.Sent} requests {load.Errors} were not answered. {await StateAsync(container)}");
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Pipelined_requests_are_all_answered_in_order(HelloImage image)
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
    public async Task A_request_as_large_as_it_may_be_is_answered(HelloImage image)
    {
        using var connection = await RawConnection.OpenAsync(hello.App.GetEndpoint(image.Resource));

        await connection.SendAsync(
            $"POST /{new string('x', 8_150)} HTTP/1.1\r\nHost: h\r\nContent-Length: 4096\r\n"
            + $"{string.Concat(Enumerable.Range(0, 16).Select(i => $"X-{i}: {new string('x', 1_000)}\r\n"))}\r\n{new string('x', 4_096)}");

        Assert.StartsWith("HTTP/1.1 404 Not Found\r\n", await connection.ReadAnswerAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task An_attack_is_refused_with_its_code_and_the_next_request_is_answered(HelloImage image, string what, int code)
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

    public static TheoryData<HelloImage, string, int> Holders
    {
        get
        {
            var data = new TheoryData<HelloImage, string, int>();
            foreach (var image in HelloImages.Specification)
            {
                data.Add(image, "headers without end", 2_000);
                data.Add(image, "bodies without end", 2_000);
                data.Add(image, "answers that nobody reads", 1_000);
            }

            return data;
        }
    }

    public static TheoryData<HelloImage, string, int> Attacks
    {
        get
        {
            var data = new TheoryData<HelloImage, string, int>();
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

    /// <summary>What an attacker sends before it goes silent: as much as a limit allows.</summary>
    private static readonly Dictionary<string, string> Held = new()
    {
        ["headers without end"] = RawConnection.HeadersWithoutEnd,
        ["bodies without end"] = $"POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 4096\r\n\r\n{new string('x', 4_000)}",
        ["answers that nobody reads"] = string.Concat(Enumerable.Repeat("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 50_000)),
    };

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

    /// <summary>Asks for <c>/hello</c> over and over while connections are opened, and once they have been closed.</summary>
    private static async Task AssertAnsweredAmongAsync(PlainContainer container, int count, string request)
    {
        var (held, attack) = (new List<RawConnection>(), Task.CompletedTask);
        try
        {
            attack = RawConnection.OpenManyAsync(container.Address, count, request, held.Add);
            var last = false;
            while (!last)
            {
                last = attack.IsCompleted; // ask once more while all of them are open
                var answer = await AskAsync(container);
                Assert.True(answer.EndsWith(HelloImages.Greeting, StringComparison.Ordinal), $"Among {held.Count} connections, /hello was answered with '{answer}'. {await StateAsync(container)}");
            }

            await attack;
        }
        finally
        {
            await Task.WhenAny(attack);
            held.ForEach(connection => connection.Dispose());
        }

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        Assert.StartsWith("true false", await StateAsync(container), StringComparison.Ordinal);
        // An attack must not fill the disk with log lines.
        Assert.DoesNotContain((await container.LogAsync()).Split('\n'), line => line.StartsWith("fail:", StringComparison.Ordinal) || line.StartsWith("crit:", StringComparison.Ordinal));
    }

    /// <summary>
    /// Asks again, twice at most, where the connection is closed before the request has been read: that of a client that is
    /// slower than hundreds of others are, which any HTTP client does. https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
    /// </summary>
    /// <remarks>On a thread of its own: among the attack's, on the thread pool, hundreds would come between connecting and sending.</remarks>
    /// <returns>The answer, or why there is none.</returns>
    private static Task<string> AskAsync(PlainContainer container) => Task.Factory.StartNew(
        () =>
        {
            var answer = "";
            for (var attempt = 0; attempt < 3 && !answer.StartsWith("HTTP/", StringComparison.Ordinal); attempt++)
            {
                try
                {
                    using var client = new TcpClient { ReceiveTimeout = 30_000, SendTimeout = 30_000 };
                    client.Connect(container.Address.Host, container.Address.Port);
                    client.Client.Send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"u8);
                    using var reader = new StreamReader(client.GetStream());
                    answer = reader.ReadToEnd();
                }
                catch (Exception e) when (e is IOException or SocketException)
                {
                    answer = e.Message;
                }
            }

            return answer;
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    private static Task<string> StateAsync(PlainContainer container) =>
        CommandLine.DockerAsync("inspect", "--format", "{{.State.Running}} {{.State.OOMKilled}} {{.State.ExitCode}}", container.Id);

    /// <summary>The options for the limits of memory and processes that the shared application sets.</summary>
    private async Task<string[]> LimitsAsync(HelloImage image)
    {
        var limits = (await CommandLine.DockerAsync("inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}", hello.ContainerId(image))).Split(' ');
        return long.Parse(limits[0], CultureInfo.InvariantCulture) == 0
            ? []
            : ["--memory", limits[0], "--memory-swap", limits[0], "--pids-limit", limits[1]];
    }
}
