namespace Hello.Tests;

/// <summary>What the AppHost offers for each build.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class AppHostTests(HelloApplication hello)
{
    [Fact]
    public async Task Say_hello_shows_the_answer()
    {
        var result = await hello.ExecuteAsync(HelloImages.Specification[0], "say-hello");

        Assert.True(result.Success, result.Message);
        Assert.Equal(HelloImages.Greeting, result.Data?.Value);
    }

    [Fact]
    public async Task Say_hello_to_a_container_that_hangs_ends_in_an_error()
    {
        var image = HelloImages.Specification[^1];
        var container = hello.ContainerId(image);
        await CommandLine.DockerAsync("container", "pause", container);
        try
        {
            var result = await hello.ExecuteAsync(image, "say-hello");

            Assert.False(result.Success, result.Message);
            Assert.Equal($"{image} did not answer within 5 s. Its console log may say why. Restart it.", result.Message);
        }
        finally
        {
            await CommandLine.DockerAsync("container", "unpause", container);
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await hello.App.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, limit.Token);
    }

    [Fact]
    public void The_link_of_each_build_opens_hello() => Assert.All(HelloImages.Specification, image => Assert.Equal(
        new Uri(hello.App.GetEndpoint(image.Resource), "/hello").ToString(), Assert.Single(hello.StateOf(image).Snapshot.Urls).Url));

    [Fact]
    public async Task The_console_log_has_the_build_and_the_run()
    {
        var image = HelloImages.Specification[0];
        var lines = await CommandLine.PollAsync(
            () => hello.ConsoleLogAsync(image),
            log => log.Any(line => line.Contains("Now listening on", StringComparison.Ordinal)),
            TimeSpan.FromMinutes(1));

        Assert.Contains(lines, line => line.Contains("Building the image. The first build takes a minute or two", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains($"load build definition from Dockerfile-{image.Resource}", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("Now listening on", StringComparison.Ordinal));
    }
}
