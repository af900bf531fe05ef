using Hello.Compare.Comparison;
using Hello.Compare.Engine;

namespace Hello.Tests;

/// <summary>A container outside Aspire, which is removed at the end of the test.</summary>
internal sealed class PlainContainer : IAsyncDisposable
{
    /// <summary>Enough for a start on a busy machine.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly HttpClient _client;

    private PlainContainer(string id, Uri address) => (Id, _client) = (id, new() { BaseAddress = address });

    /// <summary>The container's ID.</summary>
    public string Id { get; }

    /// <summary>Where it listens.</summary>
    public Uri Address => _client.BaseAddress!;

    /// <summary>Starts one on the engine's default network.</summary>
    /// <returns>The container, which may not answer yet.</returns>
    public static async Task<PlainContainer> RunAsync(ImageSpecification image, params string[] options)
    {
        var id = await CommandLine.DockerAsync(["run", "--detach", "--publish", "127.0.0.1::8080", .. options, image.Reference]);
        return new(id, new($"http://{await CommandLine.DockerAsync("port", id, "8080/tcp")}"));
    }

    /// <summary>Starts one on the host's network, so that it reaches the ports that the test listens on.</summary>
    /// <returns>The container, which may not answer yet.</returns>
    public static async Task<PlainContainer> RunOnHostAsync(ImageSpecification image, params string[] options)
    {
        var address = new Uri($"http://127.0.0.1:{LocalPort.FindFree()}");
        return new(
            await CommandLine.DockerAsync(["run", "--detach", "--network", "host", "--env", $"ASPNETCORE_URLS={address.OriginalString}", .. options, image.Reference]),
            address);
    }

    /// <summary>Starts one on the host's network, and waits until it answers.</summary>
    public static async Task<PlainContainer> AnswerOnHostAsync(ImageSpecification image, params string[] options)
    {
        var container = await RunOnHostAsync(image, options);
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

    /// <summary>Asks for <c>/hello</c>.</summary>
    /// <returns>The answer, or why there is none within a minute.</returns>
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

    /// <summary>What it has written to standard output.</summary>
    public Task<string> LogAsync() => CommandLine.DockerAsync("logs", Id);

    /// <summary>Waits until its log contains a text.</summary>
    /// <returns>The log, after a minute even if it does not contain the text.</returns>
    public Task<string> LogWithAsync(string text) =>
        CommandLine.PollAsync(LogAsync, log => log.Contains(text, StringComparison.Ordinal), Limit);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await CommandLine.DockerAsync("rm", "--force", Id);
    }
}
