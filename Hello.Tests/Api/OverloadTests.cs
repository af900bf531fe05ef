namespace Hello.Tests;

/// <summary>A client that sends too much, too slowly or nothing does not keep another client from its answer.</summary>
[Collection(OverloadCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class OverloadTests(BuiltImages images)
{
    /// <summary>What an attacker sends before it goes silent, as much as a limit allows, and over how many connections.</summary>
    private static readonly (string What, string Request, int Count)[] Attacks =
    [
        ("nothing", "", 10_000),
        ("headers without end", RawConnection.HeadersWithoutEnd, 2_000),
        ("bodies without end", $"POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 4096\r\n\r\n{new string('x', 4_000)}", 2_000),
        ("answers that nobody reads", string.Concat(Enumerable.Repeat("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 50_000)), 1_000),
    ];

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task Connections_that_hold_on_to_something_keep_nobody_out(ImageSpecification image)
    {
        foreach (var (what, request, count) in Attacks)
        {
            // So few descriptors that old idle connections must be closed before new ones get one. Held requests take memory.
            string[] few = request.Length == 0 ? ["--ulimit", "nofile=1024:1024"] : [];
            await using var container = await PlainContainer.AnswerOnHostAsync(image, [.. image.RunOptions, .. few]);

            await AssertAnsweredAmongAsync(container, count, request, what);
        }
    }

    [Fact]
    public async Task On_a_machine_with_many_cores_the_native_binary_needs_no_more_threads_than_a_container_may_have()
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.AnswerOnHostAsync(
            HelloImages.Native, [.. HelloImages.Native.RunOptions, "--env", "DOTNET_PROCESSOR_COUNT=128", .. receiver.Options]);

        var load = await LoadBurst.SendAsync(
            new(container.Address, "/hello"),
            new() { Requests = 10_000, Connections = 256, Duration = TimeSpan.FromMinutes(2) });

        Assert.True(load is { Sent: 10_000, Errors: 0 }, $"Of {load.Sent} requests {load.Errors} were not answered. {await StateAsync(container)}");
    }

    /// <summary>Asks for <c>/hello</c> over and over while connections are opened, and once they have been closed.</summary>
    private static async Task AssertAnsweredAmongAsync(PlainContainer container, int count, string request, string what)
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
                Assert.True(
                    answer.EndsWith(HelloImages.Greeting, StringComparison.Ordinal),
                    $"Among {held.Count} connections with {what}, /hello was answered with '{answer}'. {await StateAsync(container)}");
            }

            await attack;
        }
        finally
        {
            await Task.WhenAny(attack);
            held.ForEach(connection => connection.Dispose());
        }

        await container.AssertAnswersAsync();
        Assert.StartsWith("true false", await StateAsync(container), StringComparison.Ordinal);
        // An attack must not fill the disk with lines of the log.
        Assert.DoesNotMatch("(?m)^(fail|crit):", await container.LogAsync());
    }

    /// <summary>
    /// Asks again, twice at most, if the connection is closed before the request has been read. The API closes the connection of
    /// a client that is slower than hundreds of others. Every HTTP client asks again then: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
    /// </summary>
    /// <remarks>It has a thread of its own. On the thread pool, hundreds of steps of the attack would come between connecting and sending.</remarks>
    /// <returns>The answer, or why there is none.</returns>
    private static Task<string> AskAsync(PlainContainer container) => Task.Factory.StartNew(
        () =>
        {
            var answer = "";
            for (var attempt = 0; attempt < 3 && !answer.StartsWith("HTTP/", StringComparison.Ordinal); attempt++)
            {
                try
                {
                    using var client = new TcpClient { ReceiveTimeout = 60_000, SendTimeout = 60_000 };
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
}
