using Hello.AppHost;
using Hello.AppHost.Dashboard;

namespace Hello.Tests;

/// <summary>What the AppHost says if no engine answers, or if it cannot make a network, or does not say what is in it.</summary>
[Trait("Needs", "Gnu")]
public sealed class EngineCheckTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static readonly string[] Reasons =
    [
        "Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the defaults",
        "Error: could not find free subnet from subnet pools",
    ];

    [Theory]
    [InlineData("echo 'Cannot connect to the Docker daemon' >&2; exit 1",
        "No container engine answers ('*/docker container ls --quiet --last 1' ended with 1: Cannot connect to the Docker daemon). *")]
    [InlineData("exec sleep 60", "No container engine has answered within 0 s. *")]
    public async Task No_engine_is_one_line_and_its_start_another(string answer, string line)
    {
        using var fake = await FakeEngine.CreateAsync($"[ -e running ] || {{ {answer}; }}\n[ \"$2\" != inspect ] || echo '\"Containers\":'");
        var lines = await CheckAsync(fake, console =>
        {
            if (console.Lines.Count > 0 && fake.Calls.Length > 2)
            {
                File.WriteAllText(Path.Combine(fake.Folder.FullName, "running"), "");
            }

            return fake.Calls.Any(call => call.StartsWith("network create ", StringComparison.Ordinal));
        });

        string[] expected = [$"{line}Once an engine answers, the builds begin by themselves.", "The container engine answers now. The builds begin."];
        Assert.Equal(expected.Length, lines.Length);
        Assert.All(expected.Zip(lines), pair => Assert.Matches($"^{Regex.Escape(pair.First).Replace("\\*", ".*", StringComparison.Ordinal)}$", pair.Second));
    }

    [Fact]
    public Task An_engine_without_addresses_is_one_line_with_the_command_that_mends_it() => AtOnce.RunAsync(Reasons, async reason =>
    {
        using var fake = await FakeEngine.CreateAsync($"[ \"$1 $2\" != 'network create' ] || {{ echo '{reason}' >&2; exit 1; }}");
        var lines = await CheckAsync(fake, _ => fake.Calls.Any(c => c.StartsWith("network create ", StringComparison.Ordinal)));

        var line = Assert.Single(lines);
        Assert.StartsWith("The engine has no addresses for another network (", line, StringComparison.Ordinal);
        Assert.Contains($" ended with 1: {reason}). Remove the networks that no container uses with docker ", line, StringComparison.Ordinal);
    });

    /// <summary>The answers of Docker, of Podman 5 and of Podman 4 to <c>network inspect</c>.</summary>
    [Theory]
    [InlineData("""[{"Name":"demo","Containers":{},"Options":{}}]""")]
    [InlineData("""[{"name": "demo", "ipv6_enabled": false, "containers": {}}]""")]
    [InlineData("""[{"name": "demo", "ipv6_enabled": false}]""", "This Podman is older than 5.0.")]
    public async Task A_Podman_that_is_too_old_is_one_line_and_the_network_is_removed(string answer, params string[] expected)
    {
        using var fake = await FakeEngine.CreateAsync($"[ \"$2\" != inspect ] || echo '{answer}'");
        var lines = await CheckAsync(fake, _ => fake.Calls.Any(c => c.StartsWith("network rm ", StringComparison.Ordinal)));

        Assert.Equal(expected, lines.Select(line => $"{line.Split(". ")[0]}."));
        Assert.Equal(
            Assert.Single(fake.Calls, c => c.StartsWith("network create ", StringComparison.Ordinal)).Split(' ')[^1],
            Assert.Single(fake.Calls, c => c.StartsWith("network rm ", StringComparison.Ordinal)).Split(' ')[^1]);
    }

    /// <summary>Checks until something has happened. The application is not started.</summary>
    private static async Task<string[]> CheckAsync(FakeEngine fake, Func<CollectingLogger<EngineCheck>, bool> happened)
    {
        using var limit = new CancellationTokenSource(Limit);
        var builder = DistributedApplication.CreateBuilder(
            new DistributedApplicationOptions { ProjectDirectory = Projects.Hello_AppHost.ProjectPath, DisableDashboard = true });
        builder.AddHelloImage("alpine");
        await using var app = builder.Build();
        var model = app.Services.GetRequiredService<DistributedApplicationModel>();
        var loggers = app.Services.GetRequiredService<ResourceLoggerService>();
        var console = new CollectingLogger<EngineCheck>();
        using var check = new EngineCheck(model, app.ResourceNotifications, loggers, fake.Engine, console, pause: TimeSpan.FromMilliseconds(100));
        await check.StartingAsync(limit.Token);
        var isDone = await CommandLine.PollAsync(() => Task.FromResult(happened(console)), done => done, Limit / 2);
        Assert.True(isDone, $"It only called: {string.Join(", ", fake.Calls)}");
        await check.ExecuteTask!.WaitAsync(limit.Token);
        return [.. console.Lines];
    }
}
