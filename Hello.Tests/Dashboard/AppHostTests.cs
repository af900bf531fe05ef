namespace Hello.Tests;

/// <summary>What the AppHost offers, and that it tidies up.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class AppHostTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Say_hello_shows_the_answer(HelloImage image)
    {
        var result = await hello.ExecuteAsync(image, "say-hello");

        Assert.True(result.Success, result.Message);
        Assert.Equal(HelloImages.Greeting, result.Data?.Value);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public void The_link_opens_hello(HelloImage image) =>
        Assert.Equal(new Uri(hello.App.GetEndpoint(image.Resource), "/hello").ToString(), Assert.Single(hello.StateOf(image).Snapshot.Urls).Url);

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_console_log_has_the_build_and_the_run(HelloImage image)
    {
        var lines = await CommandLine.PollAsync(
            () => hello.ConsoleLogAsync(image), l => l.Any(line => line.Contains("Now listening on", StringComparison.Ordinal)), TimeSpan.FromSeconds(20));

        Assert.Contains(lines, line => line.Contains($"load build definition from Dockerfile-{image.Resource}", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("Now listening on", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stopped_container_starts_again_on_the_same_address()
    {
        var image = HelloImages.Specification[^1];
        using var client = hello.App.CreateHttpClient(image.Resource);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));

        var stopped = await hello.ExecuteAsync(image, KnownResourceCommands.StopCommand);
        Assert.True(stopped.Success, stopped.Message);
        await hello.App.ResourceNotifications.WaitForResourceAsync(image.Resource, KnownResourceStates.Exited, limit.Token);

        var started = await hello.ExecuteAsync(image, KnownResourceCommands.StartCommand);
        Assert.True(started.Success, started.Message);
        await hello.App.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, limit.Token);
        Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative), limit.Token));
    }

    [Fact]
    public void An_unknown_resource_fails_at_once()
    {
        var error = Assert.Throws<ArgumentException>(() => hello.App.CreateHttpClient("nowhere"));

        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_application_that_has_stopped_leaves_nothing_behind()
    {
        var before = await AppHostBelongings.ListAsync();
        string[] own;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await using (var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Hello_AppHost>(limit.Token))
        await using (var app = await builder.BuildAsync(limit.Token))
        {
            await app.StartAsync(limit.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("scratch", limit.Token);
            own = [.. (await AppHostBelongings.ListAsync()).Except(before)];
            Assert.Contains(own, name => name.StartsWith("scratch-", StringComparison.Ordinal));
        }

        Assert.Empty(await AppHostBelongings.LeftOfAsync(own));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public async Task An_AppHost_that_is_ended_by_a_signal_leaves_nothing_behind(string signal)
    {
        var before = await AppHostBelongings.ListAsync();
        await using var appHost = new RunningProgram(CommandLine.AppHost(LaunchProfile.OnFreePorts()));
        // Three builds, the tunnel and their network.
        var own = await CommandLine.PollAsync<string[]>(async () => [.. (await AppHostBelongings.ListAsync()).Except(before)], o => o.Length >= 5 || appHost.HasEnded, TimeSpan.FromMinutes(3));
        Assert.True(own.Length >= 5, $"It has started: {string.Join(", ", own)}. It wrote:\n{string.Join('\n', appHost.Lines)}");

        await appHost.SignalAsync(signal);
        await appHost.EndAsync(TimeSpan.FromSeconds(40));

        Assert.Empty(await AppHostBelongings.LeftOfAsync(own));
        Assert.Empty(await CommandLine.PollAsync(() => AppHostBelongings.OrchestratorsOfAsync(appHost.Id), o => o.Length == 0, TimeSpan.FromSeconds(40)));
    }
}
