namespace Hello.Tests;

/// <summary>Whatever fails, the AppHost says so in one line, what can run runs on, and nothing is left behind.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class AppHostFaultTests(HelloApplication hello)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly string[] Names = [.. HelloImages.Specification.Select(i => i.Resource)];

    [Fact]
    public async Task Two_AppHosts_run_side_by_side_on_ports_of_their_own()
    {
        await using var first = await RunningAppHost.StartAsync(LaunchProfile.OnFreePorts());
        await first.WaitForAsync(["Running"], Names);

        var (exitCode, _, error) = await CommandLine.TryAsync(CommandLine.AppHost(first.Environment), Limit);
        Assert.Equal(1, exitCode);
        Assert.Equal(AppHostCommandLineTests.Refusal([.. LaunchProfile.Addresses.Select(setting => first.Environment[setting])]), error);

        await using (var second = await RunningAppHost.StartAsync(LaunchProfile.OnFreePorts()))
        {
            await second.WaitForAsync(["Running"], Names);
            await second.StopAsync();
        }

        Assert.Equal(Names.ToDictionary(n => n, _ => "Running"), (await first.Service.StatesAsync()).Where(s => Names.Contains(s.Key)).ToDictionary(s => s.Key, s => s.Value.State));
        await first.StopAsync();
    }

    [Fact]
    public async Task Builds_that_fail_say_why_and_the_others_run()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var before = await AppHostBelongings.ListAsync();
        string[] own;
        var context = Directory.CreateTempSubdirectory("hello-faults-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(context.FullName, "Dockerfile-broken"), $"FROM {HelloImages.Specification[^1].Reference}\nCOPY nowhere /\n", limit.Token);
            // A build has 64 MB there.
            await File.WriteAllTextAsync(Path.Combine(context.FullName, "Dockerfile-full"), $"FROM {HelloImages.Specification[0].Reference}\nUSER 0\nRUN dd if=/dev/zero of=/dev/shm/full bs=1M\n", limit.Token);
            await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Hello_AppHost>(limit.Token);
            builder.AddDockerfile("broken", context.FullName, "Dockerfile-broken");
            builder.AddDockerfile("full", context.FullName, "Dockerfile-full");
            await using var app = await builder.BuildAsync(limit.Token);
            await app.StartAsync(limit.Token);

            foreach (var (name, reason) in new[] { ("broken", "\"/nowhere\""), ("full", "No space left on device") })
            {
                await app.ResourceNotifications.WaitForResourceAsync(name, KnownResourceStates.FailedToStart, limit.Token);
                var log = await CommandLine.PollAsync(() => HelloApplication.ConsoleLogAsync(app, name), l => l.Any(line => line.Contains(reason, StringComparison.Ordinal)), TimeSpan.FromSeconds(20));
                Assert.True(log.Any(line => line.Contains(reason, StringComparison.Ordinal)), $"{name} does not say '{reason}', but:\n{string.Join('\n', log)}");
            }

            // Newer versions of Aspire repeat what the engine said behind [sys].
            Assert.Single(
                await HelloApplication.ConsoleLogAsync(app, "full"),
                line => line.Contains("ERROR: failed to solve:", StringComparison.Ordinal) && !line.Contains("[sys]", StringComparison.Ordinal));

            // As a user mends it.
            await File.WriteAllTextAsync(Path.Combine(context.FullName, "nowhere"), "", limit.Token);
            var started = await app.ResourceCommands.ExecuteCommandAsync("broken", KnownResourceCommands.StartCommand, limit.Token);
            Assert.True(started.Success, started.Message);
            await app.ResourceNotifications.WaitForResourceAsync("broken", KnownResourceStates.Running, limit.Token);

            await Task.WhenAll(Names.Select(name => app.ResourceNotifications.WaitForResourceHealthyAsync(name, limit.Token)));
            own = [.. (await AppHostBelongings.ListAsync()).Except(before)];
        }
        finally
        {
            context.Delete(recursive: true);
        }

        Assert.Equal(Names.Length + 2, own.Length); // the mended one, and the network
        Assert.Empty(await AppHostBelongings.LeftOfAsync(own));
    }

    [Fact]
    public async Task An_engine_may_come_late_and_go()
    {
        await using var engine = new EngineSocket();
        var environment = LaunchProfile.OnFreePorts();
        environment["DOCKER_HOST"] = engine.Address;
        environment["ASPIRE_CONTAINER_RUNTIME"] = "docker"; // podman may be there, too
        await using var appHost = await RunningAppHost.StartAsync(environment);

        // Aspire creates a container, which is then unhealthy, or waits for what the container is to be connected with.
        var states = await appHost.WaitForAsync(["RuntimeUnhealthy", "Starting"], Names);
        foreach (var name in Names)
        {
            var log = await CommandLine.PollAsync(() => appHost.Service.ConsoleLogAsync(states[name]), l => l.Any(SaysThatNoEngineAnswers), TimeSpan.FromSeconds(20));
            Assert.Single(log, SaysThatNoEngineAnswers);
        }

        engine.Open();
        await appHost.WaitForAsync(["Running"], Names);

        // The containers run on; only starts can't be followed meanwhile.
        await engine.CloseAsync();
        var last = await CommandLine.PollAsync(
            () => appHost.Service.ConsoleLogAsync(states["scratch"]), l => l.Any(line => line.Contains("'docker events' ended", StringComparison.Ordinal)), TimeSpan.FromSeconds(20));
        Assert.Single(last, line => line.Contains($"Not measured: 'docker events' ended with 1: Cannot connect to the Docker daemon at {engine.Address}.", StringComparison.Ordinal));
        await appHost.WaitForAsync(["Running"], Names);

        // DCP removes what it can't reach once it can, although the AppHost has ended.
        var said = await appHost.StopAsync(onceEnded: engine.Open);
        Assert.Single(said.Split('\n'), line => line.Contains("Container runtime 'docker' was found but appears to be unhealthy.", StringComparison.Ordinal));

        static bool SaysThatNoEngineAnswers(string line) =>
            line.Contains("No container engine answers", StringComparison.Ordinal) && line.EndsWith(": start one, or run eng/setup.sh.", StringComparison.Ordinal);
    }
}
