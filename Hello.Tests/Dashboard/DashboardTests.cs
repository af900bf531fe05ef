namespace Hello.Tests;

/// <summary>What the dashboard shows about each build, and what its commands do.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed partial class DashboardTests(HelloApplication hello)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_cheap_facts_are_highlighted_properties_in_order(ImageSpecification image)
    {
        var facts = await FactsAsync(image);

        Assert.Equal(
            ["Unpacked size", "Compressed size", "Files", "User", "UID:GID", "Processes", "Capabilities", "Memory after start"],
            facts.Select(f => f.DisplayName));
        Assert.All(facts, f => Assert.True(f.IsHighlighted, $"{f.DisplayName} is not highlighted."));
        Assert.Equal(facts.Select(f => f.SortOrder).Order(), facts.Select(f => f.SortOrder));
        Assert.Equal(image.UserName, Value(facts, "User"));
        Assert.Equal($"{image.Uid}:{image.Uid}", Value(facts, "UID:GID"));
        Assert.Equal(("1", image.Files is null ? "14" : "0"), (Value(facts, "Processes"), Value(facts, "Capabilities")));
        Assert.Matches(Megabytes(), Value(facts, "Memory after start"));
        if (image.Files is not null)
        {
            var files = await ImageArchive.ReadFilesAsync(image.Reference);
            var bytes = files.Sum(f => f.Content.Length);
            Assert.Equal(Format.Invariant($"{Format.Bytes(bytes)} ({bytes:N0} B)"), Value(facts, "Unpacked size"));
            Assert.Equal($"{files.Length}", Value(facts, "Files"));
        }
    }

    [Fact]
    public async Task A_restart_is_measured_again()
    {
        var image = HelloImages.Specification[1];
        var before = await FactsAsync(image);
        var container = hello.ContainerId(image);
        // Two starts may need the same memory, rounded. So each value is replaced by one that no measurement has.
        await hello.App.ResourceNotifications.PublishUpdateAsync(hello.StateOf(image).Resource, hello.StateOf(image).ResourceId, s => s with
        {
            Properties = [.. s.Properties.Select(p => p.Name.StartsWith("hello.", StringComparison.Ordinal) ? p with { Value = "stale" } : p)],
        });
        Assert.All(await FactsAsync(image), fact => Assert.Equal("stale", fact.Value));

        var restarted = await hello.ExecuteAsync(image, KnownResourceCommands.RestartCommand);
        Assert.True(restarted.Success, restarted.Message);
        var after = await CommandLine.PollAsync(
            () => FactsAsync(image), facts => facts.Length == before.Length && facts.All(f => f.Value is not "stale"), Limit);

        Assert.NotEqual(container, hello.ContainerId(image));
        Assert.Matches(Megabytes(), Value(after, "Memory after start"));
        Assert.Equal(before.Select(f => f.DisplayName), after.Select(f => f.DisplayName));
        Assert.Equal(image.UserName, Value(after, "User"));
    }

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

    [Fact]
    public async Task Compare_images_opens_the_last_comparison_and_links_to_its_page()
    {
        var result = await hello.ExecuteAsync(HelloImages.Specification[0], "compare-images");

        Assert.True(result.Success, result.Message);
        Assert.Equal((CommandResultFormat.Markdown, true), (result.Data!.Format, result.Data.DisplayImmediately));
        var files = hello.App.Services.GetRequiredService<ComparisonFiles>();
        var page = await hello.App.Services.GetRequiredService<ComparisonPageServer>().StartAsync();
        Assert.Matches($@"^Measured on 20[-\d]+ [:\d]+ UTC. \[The page with bars\]\({Regex.Escape($"{page}")}\)\.\n\n\|", result.Data.Value);
        Assert.EndsWith(await File.ReadAllTextAsync(files.Markdown), result.Data.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_load_counts_every_request_and_each_is_a_span()
    {
        var image = HelloImages.Specification[^1];
        var before = await LoadSpansAsync(image);

        var result = await hello.ExecuteAsync(image, "send-load");

        Assert.True(result.Success, result.Message);
        var summary = Summary().Match(result.Message ?? "");
        Assert.True(summary.Success, result.Message);
        var sent = int.Parse(summary.Groups["sent"].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        Assert.Equal("0", summary.Groups["errors"].Value);
        Assert.Equal(sent, await CommandLine.PollAsync(async () => await LoadSpansAsync(image) - before, count => count >= sent, Limit));

        var log = await hello.ConsoleLogAsync(image);
        Assert.Contains(log, line => line.EndsWith(result.Message!, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("30", "60", "")]
    [InlineData("1000000", "1", "The time of 1 s was up before all of the 1,000,000 requests were sent.")]
    public async Task Send_load_sends_as_much_as_it_is_asked_for_until_its_time_is_up(string requests, string seconds, string remark)
    {
        // Another image than that of the test that counts spans.
        var image = HelloImages.Specification[1];
        var result = await hello.ExecuteAsync(image, "send-load", ("requests", requests), ("connections", "3"), ("seconds", seconds));

        Assert.True(result.Success, result.Message);
        Assert.Equal(remark.Length == 0, result.Message!.StartsWith("30 requests in ", StringComparison.Ordinal));
        Assert.StartsWith("| Requests | Errors | Seconds | Answers a second | p50 | p99 |\n", result.Data!.Value, StringComparison.Ordinal);
        Assert.Contains(remark, result.Data.Value, StringComparison.Ordinal);
        var log = await hello.ConsoleLogAsync(image);
        Assert.Contains(log, line => line.EndsWith($"Sending {requests} requests over 3 connections, for {seconds} s at most ...", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_burst_is_the_only_one_ends_when_its_resource_is_stopped_and_cannot_begin_while_it_is()
    {
        var image = HelloImages.Specification[0];
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        var burst = hello.ExecuteAsync(image, "send-load", ("requests", "1000000"), ("seconds", "600"));
        await CommandLine.PollAsync(
            () => hello.ConsoleLogAsync(image),
            log => log.Any(line => line.Contains("Sending 1000000 requests over 8 connections, for 600 s", StringComparison.Ordinal)),
            Limit);
        var second = await hello.ExecuteAsync(image, "send-load");
        var stopped = await hello.ExecuteAsync(image, KnownResourceCommands.StopCommand);
        try
        {
            Assert.Equal((false, "A burst to alpine is still under way: wait for its end."), (second.Success, second.Message));
            Assert.True(stopped.Success, stopped.Message);
            await hello.App.ResourceNotifications.WaitForResourceAsync(image.Resource, KnownResourceStates.Exited, limit.Token);
            var ended = await burst;
            Assert.Equal((false, "The load ended because alpine stopped."), (ended.Success, ended.Message));

            Assert.Equal(ResourceCommandState.Disabled, StateOf("send-load"));
            Assert.Equal("alpine is not running: start it first.", (await hello.ExecuteAsync(image, "send-load")).Message);
            Assert.Equal(ResourceCommandState.Enabled, StateOf("compare-images"));
        }
        finally
        {
            await hello.ExecuteAsync(image, KnownResourceCommands.StartCommand);
            await hello.App.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, limit.Token);
        }

        var state = await CommandLine.PollAsync(() => Task.FromResult(StateOf("send-load")), state => state == ResourceCommandState.Enabled, Limit);
        Assert.Equal(ResourceCommandState.Enabled, state);

        ResourceCommandState StateOf(string command) => hello.StateOf(image).Snapshot.Commands.Single(c => c.Name == command).State;
    }

    [GeneratedRegex(@"^(?<sent>[\d,]+) requests in [\d.]+ s: [\d,]+ a second, p50 [\d.]+ ms, p99 [\d.]+ ms, (?<errors>\d+) errors$")]
    private static partial Regex Summary();

    [GeneratedRegex(@"^[\d.]+ MB$")]
    private static partial Regex Megabytes();

    /// <summary>The properties that the AppHost adds, once it has added all.</summary>
    private Task<ResourcePropertySnapshot[]> FactsAsync(ImageSpecification image) => CommandLine.PollAsync(
        () => Task.FromResult(hello.StateOf(image).Snapshot.Properties.Where(p => p.Name.StartsWith("hello.", StringComparison.Ordinal)).ToArray()),
        facts => facts.Length == 8,
        Limit);

    private static string? Value(ResourcePropertySnapshot[] facts, string name) => facts.SingleOrDefault(f => f.DisplayName == name)?.Value as string;

    /// <summary>The number of spans of bursts. They name their client.</summary>
    private async Task<int> LoadSpansAsync(ImageSpecification image) =>
        (await TelemetryTests.ReadAsync(hello, $"spans?resource={image.Resource}&limit=10000"))
            .Count(span => TelemetryTests.Attribute(span.Item, "user_agent.original") == "hello-load");
}
