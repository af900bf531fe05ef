namespace Hello.Tests;

/// <summary>deploy/compose.yaml, run as a project of its own.</summary>
[Trait("Needs", "Engine")]
public sealed class ComposeTests : IClassFixture<BuiltImages>, IAsyncLifetime
{
    private const string Project = "hello-test-compose";

    /// <summary>The default addresses may be in use, by a project of the user.</summary>
    private const string Address = "127.0.0.77";

    /// <summary>Every start takes at most some seconds. The engine asks for the health every 10 s.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly string _key = Guid.NewGuid().ToString("N");

    private readonly string _folder = Directory.CreateTempSubdirectory("hello-test-").FullName;

    /// <summary>Gives the dashboard an API, so that the test can ask it what it has.</summary>
    public Task InitializeAsync() => File.WriteAllTextAsync(
        Api,
        $$"""
        services:
          dashboard:
            environment: { DASHBOARD__API__ENABLED: 'true', DASHBOARD__API__AUTHMODE: ApiKey, DASHBOARD__API__PRIMARYAPIKEY: {{_key}} }
        """);

    private string Api => Path.Combine(_folder, "api.yaml");

    public async Task DisposeAsync()
    {
        await ComposeAsync("down");
        Directory.Delete(_folder, recursive: true);
    }

    [FactIfInstalled("docker compose")]
    public async Task The_builds_are_healthy_and_hardened_and_send_telemetry_and_leave_nothing()
    {
        // An update builds. Here, that would give the images of the other tests a new ID.
        var commands = (await ReadmeTests.CommandsAsync("## One server", "docs/deploy.md")).Split('\n').Select(ArgumentsOf).ToArray();
        Assert.Equal(["up", "ps", "logs", "down", "up"], commands.Select(command => command[0]));
        Assert.Equal([.. commands[0], "--build"], commands[4]);
        Assert.Equal([commands[0], commands[3]], (await ReadmeTests.CommandsAsync("## Deploy")).Split('\n').Select(ArgumentsOf));
        await ComposeAsync([.. commands[0], "--no-build"]);
        var listed = await ComposeAsync(commands[1]);
        Assert.All(HelloImages.Specification, image => Assert.Contains($"{Project}-{image.Resource}-1", listed, StringComparison.Ordinal));
        Assert.Contains($"/login?t={_key}", await ComposeAsync(commands[2]), StringComparison.Ordinal);

        await AtOnce.RunAsync(HelloImages.Specification, async image =>
        {
            var container = await ComposeAsync("ps", "--quiet", image.Resource);
            const string format = "{{.State.Status}} {{.State.Health.Status}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.LogConfig.Config}}";
            var state = await CommandLine.DockerAsync("inspect", "--format", format, container);
            Assert.Equal("running healthy unless-stopped map[max-file:3 max-size:10m]", state);
            Assert.Equal(HelloImages.Greeting, await AskAsync(await AddressAsync(image.Resource, 8080), "/hello"));
            await AssertRunsAsInTheAppHostAsync(image, container);
        });
        var dashboard = await AddressAsync("dashboard", 18888);
        var builds = HelloImages.Specification.Select(image => image.Resource);
        var seen = await CommandLine.PollAsync(
            async () => TelemetryTests.NamesOf(JsonElement.Parse(await AskAsync(dashboard, "/api/telemetry/resources"))),
            names => names.SequenceEqual(builds),
            Limit);
        Assert.Equal(builds, seen);
        using (var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }))
        {
            Assert.Equal("/login", (await client.GetAsync(new Uri(dashboard, "structuredlogs"))).Headers.Location!.AbsolutePath);
        }

        await ComposeAsync(commands[3]);

        foreach (var kind in (string[])["container", "network", "volume"])
        {
            string[] all = kind == "container" ? ["--all"] : [];
            var left = await CommandLine.DockerAsync([kind, "ls", .. all, "--quiet", "--filter", $"label=com.docker.compose.project={Project}"]);
            Assert.Equal("", left);
        }
    }

    /// <summary>
    /// Fails unless the engine has given the container each option that the AppHost gives it, and no other one. HardeningTests attacks a
    /// container with these options.
    /// </summary>
    private static async Task AssertRunsAsInTheAppHostAsync(ImageSpecification image, string container)
    {
        var asInTheAppHost = await CommandLine.DockerAsync(["create", .. image.RunOptions, image.Reference]);
        var expected = await OptionsAsync(asInTheAppHost);
        await CommandLine.DockerAsync("rm", asInTheAppHost);
        Assert.Equal(expected, await OptionsAsync(container));

        static async Task<IEnumerable<string>> OptionsAsync(string container) =>
            JsonElement.Parse(await CommandLine.DockerAsync("inspect", "--format", "{{json .HostConfig}}", container)).EnumerateObject()
                .Where(option => option.Name is not ("RestartPolicy" or "LogConfig" or "PortBindings" or "NetworkMode"))
                .Where(option => option.Value.GetRawText() is not ("null" or "[]" or "{}" or "false" or "0" or "\"\"")) // which are not set
                .Select(option => $"{option.Name}: {option.Value}");
    }

    /// <summary>The arguments behind <c>docker compose -f deploy/compose.yaml</c>.</summary>
    private static string[] ArgumentsOf(string command)
    {
        const string start = "docker compose -f deploy/compose.yaml ";
        Assert.StartsWith(start, command, StringComparison.Ordinal);
        return command[start.Length..].Split(' ');
    }

    private async Task<Uri> AddressAsync(string service, int port)
    {
        var address = new Uri($"http://{await ComposeAsync("port", service, $"{port}")}");
        Assert.Equal(Address, address.Host);
        return address;
    }

    private async Task<string> AskAsync(Uri address, string path)
    {
        using var client = new HttpClient { BaseAddress = address, Timeout = Limit };
        client.DefaultRequestHeaders.Add("x-api-key", _key);
        return await client.GetStringAsync(new Uri(path, UriKind.Relative));
    }

    private async Task<string> ComposeAsync(params string[] arguments)
    {
        var file = Path.Combine(RepositoryFolder.Find(), "deploy", "compose.yaml");
        var (exitCode, output, error) = await CommandLine.TryAsync(
            Cli.Wrap("docker")
                .WithArguments(["compose", "--project-name", Project, "--file", file, "--file", Api, .. arguments])
                .WithEnvironmentVariables(e => e.Set("PUBLISH_ADDRESS", Address).Set("OTLP_API_KEY", _key).Set("DASHBOARD_TOKEN", _key)),
            Limit);
        Assert.True(exitCode == 0, $"docker compose {string.Join(' ', arguments)} ended with {exitCode}: {output}\n{error}");
        return output;
    }
}
