using System.Diagnostics;

namespace Hello.Tests;

/// <summary>What the AppHost offers, and that it tidies up.</summary>
[Collection(HelloApplicationCollection.Name)]
public sealed class AppHostTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Say_hello_shows_the_answer(HelloImage image)
    {
        var result = await hello.ExecuteAsync(image, "say-hello");

        Assert.True(result.Success, result.Message);
        Assert.Equal("""{"code":200,"result":"Hello World!"}""", result.Data?.Value);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public void The_link_opens_hello(HelloImage image)
    {
        Assert.True(hello.App.ResourceNotifications.TryGetCurrentState(image.Resource, out var state), $"No state of {image} is known.");

        Assert.Equal(new Uri(hello.App.GetEndpoint(image.Resource), "/hello").ToString(), Assert.Single(state.Snapshot.Urls).Url);
    }

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
        Assert.Equal("""{"code":200,"result":"Hello World!"}""", await client.GetStringAsync(new Uri("/hello", UriKind.Relative), limit.Token));
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
        var (containers, networks) = (await ContainersAsync(), await NetworksAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await using (var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Hello_AppHost>(limit.Token))
        await using (var app = await builder.BuildAsync(limit.Token))
        {
            await app.StartAsync(limit.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("scratch", limit.Token);
            Assert.True((await ContainersAsync()).Length > containers.Length, "It has started no container.");
        }

        Assert.Equal(containers, await CommandLine.PollAsync(ContainersAsync, c => c.SequenceEqual(containers), TimeSpan.FromSeconds(20)));
        Assert.Equal(networks, await CommandLine.PollAsync(NetworksAsync, n => n.SequenceEqual(networks), TimeSpan.FromSeconds(20)));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public async Task An_AppHost_that_is_ended_by_a_signal_leaves_nothing_behind(string signal)
    {
        var (containers, networks) = (await ContainersAsync(), await NetworksAsync());
        // A background job of a shell ignores SIGINT and so does all that it starts, unlike what is typed in a terminal: env(1).
        string[] command = [.. OperatingSystem.IsLinux() ? new[] { "env", "--default-signal=INT" } : [], "dotnet", typeof(Projects.Hello_AppHost).Assembly.Location, "--DcpPublisher:RandomizePorts=true"];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = Projects.Hello_AppHost.ProjectPath,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://localhost:15888",
                ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true",
                ["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"] = "http://localhost:18890",
            },
        };
        using var appHost = Process.Start(start)!;
        try
        {
            var output = appHost.StandardOutput.ReadToEndAsync();
            var error = appHost.StandardError.ReadToEndAsync();
            // Three builds and the tunnel.
            var running = await CommandLine.PollAsync(ContainersAsync, c => c.Length >= containers.Length + 4 || appHost.HasExited, TimeSpan.FromMinutes(3));
            Assert.True(running.Length >= containers.Length + 4, $"Its containers: {string.Join(", ", running.Except(containers))}. It said: {(appHost.HasExited ? await output + await error : "")}");

            await CommandLine.RunAsync("kill", $"-{signal}", appHost.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(40));
            await appHost.WaitForExitAsync(limit.Token);

            Assert.Equal(containers, await CommandLine.PollAsync(ContainersAsync, c => c.SequenceEqual(containers), TimeSpan.FromSeconds(40)));
            Assert.Equal(networks, await CommandLine.PollAsync(NetworksAsync, n => n.SequenceEqual(networks), TimeSpan.FromSeconds(40)));
            Assert.Empty(await CommandLine.PollAsync(() => OrchestratorsOfAsync(appHost.Id), o => o.Length == 0, TimeSpan.FromSeconds(40)));
        }
        finally
        {
            if (!appHost.HasExited)
            {
                // DCP tidies up behind it; the next test counts from there.
                appHost.Kill();
                await CommandLine.PollAsync(ContainersAsync, c => c.SequenceEqual(containers), TimeSpan.FromSeconds(40));
            }
        }
    }

    private static async Task<string[]> ContainersAsync() =>
        Lines(await CommandLine.DockerAsync("ps", "--all", "--no-trunc", "--format", "{{.Names}}"));

    private static async Task<string[]> NetworksAsync() =>
        Lines(await CommandLine.DockerAsync("network", "ls", "--format", "{{.Name}}"));

    /// <summary>The processes of DCP that watch over a process: <c>dcp start-apiserver --monitor 1234 …</c>.</summary>
    private static async Task<string[]> OrchestratorsOfAsync(int pid) =>
        [.. Lines(await CommandLine.RunAsync("ps", "-eo", "args")).Where(line => line.Contains($"start-apiserver --monitor {pid} ", StringComparison.Ordinal))];

    private static string[] Lines(string output) => [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
}
