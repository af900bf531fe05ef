namespace Hello.Tests;

/// <summary>How the process ends by a signal.</summary>
[Trait("Needs", "Engine")]
public sealed class ProcessTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    private const string Said = "info: Hello.Api[1] Said hello to ";

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task Sigterm_under_load_lets_every_answer_that_was_begun_be_complete(ImageSpecification image)
    {
        await using var container = await PlainContainer.AnswerOnHostAsync(image);
        using var ended = new CancellationTokenSource();
        ConcurrentQueue<string> answers = [];
        var load = Task.WhenAll(Enumerable.Range(0, 32).Select(_ => AskUntilAsync(container.Address, answers, ended.Token)));

        var answered = await CommandLine.PollAsync(() => Task.FromResult(answers.Count), count => count > 1_000, TimeSpan.FromMinutes(1));
        await CommandLine.DockerAsync("stop", "--time", "8", container.Id);
        await ended.CancelAsync();
        await load;

        Assert.True(answered > 1_000, $"Only {answered} requests were answered before the signal.");
        Assert.Equal("0", await CommandLine.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", container.Id));
        // Each answer is complete or absent, and a client has received each one that is in the log.
        Assert.All(answers.Where(answer => answer.Length > 0), answer =>
        {
            Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer, StringComparison.Ordinal);
            Assert.EndsWith(HelloImages.Greeting, answer, StringComparison.Ordinal);
        });
        var said = (await container.LogAsync()).Split('\n').Count(line => line.StartsWith(Said, StringComparison.Ordinal));
        Assert.Equal(said, 1 + answers.Count(answer => answer.Length > 0));
    }

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task Sigterm_ends_it_with_exit_code_0_whatever_the_connections_hold(ImageSpecification image)
    {
        await using var container = await PlainContainer.AnswerOnHostAsync(image);
        using var headers = await RawConnection.OpenAsync(container.Address);
        await headers.SendAsync("GET /hello HTTP/1.1\r\nX: ");
        using var body = await RawConnection.OpenAsync(container.Address);
        await body.SendAsync("POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n");
        using var unread = await RawConnection.OpenAsync(container.Address);
        unread.Offer(string.Concat(Enumerable.Repeat("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 100_000)));

        // 137 would mean that it was killed 9 s later. By default an engine waits for 10 s.
        await CommandLine.DockerAsync("stop", "--time", "9", container.Id);
        Assert.Equal("0", await CommandLine.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", container.Id));
    }

    /// <summary>Sends one request after the other, over one connection until the server closes it.</summary>
    private static async Task AskUntilAsync(Uri address, ConcurrentQueue<string> answers, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                using var connection = await RawConnection.OpenAsync(address);
                for (var isOpen = true; isOpen && !ended.IsCancellationRequested;)
                {
                    await connection.SendAsync("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
                    var answer = await connection.ReadAnswerAsync();
                    answers.Enqueue(answer);
                    isOpen = answer.Length > 0 && !answer.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal);
                }
            }
            catch (Exception refused) when (refused is SocketException or IOException)
            {
                await Task.Delay(10, CancellationToken.None);
            }
        }
    }
}
