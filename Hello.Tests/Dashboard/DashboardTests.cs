using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hello.AppHost.Dashboard;
using Hello.Compare.Comparison;
using Hello.Compare.Figures;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Hello.Tests;

/// <summary>What the dashboard shows about each build, and what its commands do.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed partial class DashboardTests(HelloApplication hello)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

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
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task The_facts_shown_are_those_of_the_image(ImageSpecification image)
    {
        var files = await ImageArchive.ReadFilesAsync(image.Reference);
        var facts = await FactsAsync(image);

        var bytes = files.Sum(f => f.Content.Length);
        Assert.Equal(Format.Invariant($"{Format.Bytes(bytes)} ({bytes:N0} B)"), Value(facts, "Unpacked size"));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{files.Length}"), Value(facts, "Files"));
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
        var after = await CommandLine.PollAsync(() => FactsAsync(image), facts => facts.Length == before.Length && facts.All(f => f.Value is not "stale"), Limit);

        Assert.NotEqual(container, hello.ContainerId(image));
        Assert.Matches(Megabytes(), Value(after, "Memory after start"));
        Assert.Equal(before.Select(f => f.DisplayName), after.Select(f => f.DisplayName));
        Assert.Equal(image.UserName, Value(after, "User"));
    }

    [Fact]
    public async Task Compare_images_opens_the_last_comparison_and_links_to_its_page()
    {
        var result = await hello.ExecuteAsync(HelloImages.Specification[0], "compare-images");

        Assert.True(result.Success, result.Message);
        Assert.Equal((CommandResultFormat.Markdown, true), (result.Data!.Format, result.Data.DisplayImmediately));
        var files = hello.App.Services.GetRequiredService<ComparisonFiles>();
        var page = await hello.App.Services.GetRequiredService<ComparisonPageServer>().StartAsync(CancellationToken.None);
        Assert.Matches($@"^Measured on 20\d\d-\d\d-\d\d \d\d:\d\d UTC. \[The page with bars\]\({Regex.Escape(page.ToString())}\)\.\n\n\|", result.Data.Value);
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
    [InlineData(30, 3, 5)]
    [InlineData(1, 1, 1)]
    public async Task Send_load_sends_as_much_as_it_is_asked_for(int requests, int connections, int seconds)
    {
        // Another image than that of the test that counts spans.
        var image = HelloImages.Specification[1];
        var result = await hello.ExecuteAsync(image, "send-load", ("requests", $"{requests}"), ("connections", $"{connections}"), ("seconds", $"{seconds}"));

        Assert.True(result.Success, result.Message);
        Assert.StartsWith($"{requests} requests in ", result.Message, StringComparison.Ordinal);
        Assert.StartsWith("| Requests | Errors | Seconds | Answers a second | p50 | p99 |\n", result.Data!.Value, StringComparison.Ordinal);
        var log = await hello.ConsoleLogAsync(image);
        Assert.Contains(log, line => line.EndsWith($"Sending {requests} requests over {connections} connections, for {seconds} s at most ...", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Send_load_ends_when_its_time_is_up()
    {
        var result = await hello.ExecuteAsync(HelloImages.Specification[1], "send-load", ("requests", "1000000"), ("connections", "2"), ("seconds", "1"));

        Assert.True(result.Success, result.Message);
        Assert.Contains("The time of 1 s was up before all of the 1,000,000 requests were sent.", result.Data!.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("requests", "0")]
    [InlineData("requests", "1000001")]
    [InlineData("requests", "1.5")]
    [InlineData("requests", "many")]
    [InlineData("connections", "-1")]
    [InlineData("connections", "1001")]
    [InlineData("seconds", "0")]
    [InlineData("seconds", "601")]
    public async Task Send_load_refuses_a_bound_that_is_out_of_range(string name, string value)
    {
        var result = await hello.ExecuteAsync(HelloImages.Specification[0], "send-load", (name, value));

        Assert.False(result.Success, result.Message);
        Assert.Equal("Command argument validation failed.", result.Message);
    }

    [Fact]
    public async Task Only_one_burst_at_a_time_goes_to_a_resource()
    {
        var image = HelloImages.Specification[0];

        var results = await Task.WhenAll(
            hello.ExecuteAsync(image, "send-load", ("requests", "1000000"), ("seconds", "2")), hello.ExecuteAsync(image, "send-load", ("requests", "1000000"), ("seconds", "2")));

        var refused = Assert.Single(results, r => !r.Success);
        Assert.Equal("A burst to alpine is still under way: wait for its end.", refused.Message);
    }

    [Fact]
    public async Task A_burst_ends_when_its_resource_is_stopped_and_cannot_begin_while_it_is()
    {
        var image = HelloImages.Specification[0];
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var burst = hello.ExecuteAsync(image, "send-load", ("requests", "1000000"), ("seconds", "600"));
        await CommandLine.PollAsync(() => hello.ConsoleLogAsync(image), log => log.Any(line => line.Contains("Sending 1000000 requests over 8 connections, for 600 s", StringComparison.Ordinal)), Limit);
        var stopped = await hello.ExecuteAsync(image, KnownResourceCommands.StopCommand);
        Assert.True(stopped.Success, stopped.Message);
        await hello.App.ResourceNotifications.WaitForResourceAsync(image.Resource, KnownResourceStates.Exited, limit.Token);
        try
        {
            var ended = await burst;
            Assert.False(ended.Success, ended.Message);
            Assert.Equal("The load ended because alpine stopped.", ended.Message);

            Assert.Equal(ResourceCommandState.Disabled, hello.StateOf(image).Snapshot.Commands.Single(c => c.Name == "send-load").State);
            Assert.Equal("alpine is not running: start it first.", (await hello.ExecuteAsync(image, "send-load")).Message);
            Assert.Equal(ResourceCommandState.Enabled, hello.StateOf(image).Snapshot.Commands.Single(c => c.Name == "compare-images").State);
        }
        finally
        {
            await hello.ExecuteAsync(image, KnownResourceCommands.StartCommand);
            await hello.App.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, limit.Token);
        }

        var enabled = await CommandLine.PollAsync(
            () => Task.FromResult(hello.StateOf(image).Snapshot),
            s => s.Commands.Single(c => c.Name == "send-load").State == ResourceCommandState.Enabled,
            Limit);
        Assert.Equal(HealthStatus.Healthy, enabled.HealthStatus);
        Assert.Equal(ResourceCommandState.Enabled, enabled.Commands.Single(c => c.Name == "send-load").State);
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

    /// <summary>The spans of bursts. They name their client: <c>{"key":"user_agent.original","value":{"stringValue":"hello-load"}}</c>.</summary>
    private async Task<int> LoadSpansAsync(ImageSpecification image) =>
        await hello.TelemetryAsync($"spans?resource={image.Resource}&limit=10000") is { } answer
            ? answer.GetProperty("data").GetProperty("resourceSpans").EnumerateArray()
                .SelectMany(r => r.GetProperty("scopeSpans").EnumerateArray())
                .SelectMany(s => s.GetProperty("spans").EnumerateArray())
                .Count(IsOfLoad)
            : 0;

    private static bool IsOfLoad(JsonElement span) => span.GetProperty("attributes").EnumerateArray()
        .Any(a => a.GetProperty("key").GetString() == "user_agent.original" && a.GetProperty("value").GetProperty("stringValue").GetString() == "hello-load");
}
