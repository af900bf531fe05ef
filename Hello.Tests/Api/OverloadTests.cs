using System.Net.Sockets;
using Hello.Compare.Probe;

namespace Hello.Tests;

/// <summary>A client that sends too much, too slowly or nothing does not keep another client from its answer.</summary>
[Collection(OverloadCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class OverloadTests(BuiltImages images)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Ten_thousand_idle_connections_keep_nobody_out(ImageSpecification image)
    {
        // So few descriptors that old connections must be closed before new ones get one.
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. image.RunOptions, "--ulimit", "nofile=1024:1024"]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        await AssertAnsweredAmongAsync(container, count: 10_000, request: "");
    }

    [Theory]
    [MemberData(nameof(Holders))]
    public async Task Connections_that_hold_on_to_a_request_keep_nobody_out(ImageSpecification image, string what, int count)
    {
        await using var container = await PlainContainer.RunOnHostAsync(image, image.RunOptions);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        await AssertAnsweredAmongAsync(container, count, Held[what]);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task On_a_machine_with_many_cores_it_needs_no_more_threads_than_a_container_may_have(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. image.RunOptions, "--env", "DOTNET_PROCESSOR_COUNT=128", .. receiver.Options]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        var load = await LoadBurst.SendAsync(
            new(container.Address, "/hello"),
            new() { Requests = 10_000, Connections = 256, Duration = TimeSpan.FromSeconds(30) });

        Assert.True(load is { Sent: 10_000, Errors: 0 }, $"Of {load.Sent} requests {load.Errors} were not answered. {await StateAsync(container)}");
    }

    public static TheoryData<ImageSpecification, string, int> Holders
    {
        get
        {
            var data = new TheoryData<ImageSpecification, string, int>();
            foreach (var image in HelloImages.Specification)
            {
                data.Add(image, "headers without end", 2_000);
                data.Add(image, "bodies without end", 2_000);
                data.Add(image, "answers that nobody reads", 1_000);
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
        // An attack must not fill the disk with lines of the log.
        Assert.DoesNotContain((await container.LogAsync()).Split('\n'), line => line.StartsWith("fail:", StringComparison.Ordinal) || line.StartsWith("crit:", StringComparison.Ordinal));
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
}
