namespace Hello.Tests;

/// <summary>A container outside Aspire, which is removed at the end of the test.</summary>
internal sealed class PlainContainer : IAsyncDisposable
{
    /// <summary>Enough for a start on a busy machine.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly HttpClient _client;

    private PlainContainer(string id, Uri address) => (Id, _client) = (id, new() { BaseAddress = address });

    public string Id { get; }

    public Uri Address => _client.BaseAddress!;

    /// <summary>Starts one on the engine's default network.</summary>
    public static async Task<PlainContainer> RunAsync(ImageSpecification image, params string[] options)
    {
        var id = await CommandLine.DockerAsync(["run", "--detach", "--publish", "127.0.0.1::8080", .. options, image.Reference]);
        return new(id, new($"http://{await CommandLine.DockerAsync("port", id, "8080/tcp")}"));
    }

    /// <summary>Starts one on the host's network, so that it reaches the ports that the test listens on, and waits until it answers.</summary>
    public static async Task<PlainContainer> AnswerOnHostAsync(ImageSpecification image, params string[] options)
    {
        var address = new Uri($"http://127.0.0.1:{LocalPort.FindFree()}");
        string[] host = ["--network", "host", "--env", $"ASPNETCORE_URLS={address.OriginalString}"];
        var container = new PlainContainer(await CommandLine.DockerAsync(["run", "--detach", .. host, .. options, image.Reference]), address);
        try
        {
            await container.AssertAnswersAsync();
            return container;
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it answers, and fails with its log if it does not.</summary>
    public async Task AssertAnswersAsync()
    {
        var answer = await SayHelloAsync();
        Assert.True(answer == HelloImages.Greeting, answer);
    }

    /// <summary>What <c>/hello</c> answers, or why there is no answer within a minute.</summary>
    public Task<string> SayHelloAsync() => CommandLine.PollAsync(
        async () =>
        {
            try
            {
                return await _client.GetStringAsync(new Uri("/hello", UriKind.Relative));
            }
            catch (HttpRequestException e)
            {
                return $"{e.Message} Its log: {await LogAsync()}";
            }
        },
        answer => answer.StartsWith('{'),
        Limit);

    public Task<string> LogAsync() => CommandLine.DockerAsync("logs", Id);

    public Task<string> LogWithAsync(string text) =>
        CommandLine.PollAsync(LogAsync, log => log.Contains(text, StringComparison.Ordinal), Limit);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await CommandLine.DockerAsync("rm", "--force", Id);
    }
}
