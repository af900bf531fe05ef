using Hello.AppHost.Dashboard;
using Microsoft.Extensions.Logging;

namespace Hello.Tests;

/// <summary>A fault of a build or of the engine stops nothing else, and nothing is left behind.</summary>
[Trait("Needs", "Engine")]
public sealed class AppHostFaultTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task A_build_that_fails_says_why_and_the_others_run()
    {
        using var limit = new CancellationTokenSource(Limit);
        var context = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            await WriteAsync("Dockerfile-broken", $"FROM {HelloImages.Specification[^1].Reference}\nCOPY nowhere /\n");
            // A build has 64 MB there.
            await WriteAsync("Dockerfile-full", $"FROM {HelloImages.Specification[0].Reference}\nRUN dd if=/dev/zero of=/dev/shm/full bs=1M\n");
            int orchestrator;
            await using (var builder = await HelloApplication.CreateBuilderAsync(new(), limit.Token))
            {
                var console = new CollectingLogger<ImageFactsPublisher>();
                builder.Services.AddSingleton<ILogger<ImageFactsPublisher>>(console);
                foreach (var name in (string[])["broken", "full"])
                {
                    var image = HelloImage.Of(context.FullName, name);
                    builder.AddDockerfile($"hello-{name}", context.FullName, image.Dockerfile).WithAnnotation(new HelloImageAnnotation(image));
                }

                await using var app = await builder.BuildAsync(limit.Token);
                await app.StartAsync(limit.Token);

                foreach (var (name, reason, inConsole) in new[]
                {
                    ("hello-broken", "\"/nowhere\"", "\"/nowhere\""), ("hello-full", "No space left on device", "dd if=/dev/zero"),
                })
                {
                    await app.ResourceNotifications.WaitForResourceAsync(name, KnownResourceStates.FailedToStart, limit.Token);
                    var log = await CommandLine.PollAsync(
                        async () => string.Join('\n', await HelloApplication.ConsoleLogAsync(app, name)),
                        text => text.Contains(reason, StringComparison.Ordinal),
                        Limit);
                    Assert.Contains(reason, log, StringComparison.Ordinal);
                    var lines = await CommandLine.PollAsync(
                        () => Task.FromResult(console.Lines.Where(line => line.StartsWith(name, StringComparison.Ordinal)).ToArray()), all => all.Length > 0, Limit);
                    Assert.Matches($"^{name} does not run: ERROR: .*{inConsole}", Assert.Single(lines));
                }

                // A user creates the missing file and presses Start.
                await WriteAsync("nowhere", "");
                var started = await app.ResourceCommands.ExecuteCommandAsync("hello-broken", KnownResourceCommands.StartCommand, limit.Token);
                Assert.True(started.Success, started.Message);
                await app.ResourceNotifications.WaitForResourceAsync("hello-broken", KnownResourceStates.Running, limit.Token);

                await Task.WhenAll(HelloImages.Specification.Select(
                    image => app.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, limit.Token)));
                Assert.True(app.ResourceNotifications.TryGetCurrentState("hello-broken", out var state));
                orchestrator = await AppHostProgram.OrchestratorOfAsync(state.ResourceId);
                // And the mended one, and the network.
                Assert.Equal(HelloImages.Specification.Length + 2, (await AppHostProgram.BelongingsAsync(orchestrator)).Length);
            }

            await AppHostProgram.AssertNothingIsLeftAsync(orchestrator);
        }
        finally
        {
            context.Delete(recursive: true);
            foreach (var image in await EngineContents.ListAsync("hello-broken:"))
            {
                await CommandLine.DockerAsync("image", "rm", image);
            }
        }

        await hello.AssertRunsAsync();

        Task WriteAsync(string file, string text) => File.WriteAllTextAsync(Path.Combine(context.FullName, file), text, limit.Token);
    }

    [Fact]
    public async Task The_engine_may_come_late_and_go()
    {
        await using var engine = new EngineSocket();
        var environment = LaunchProfile.OnFreePorts();
        environment["DOCKER_HOST"] = engine.Address;
        environment["ASPIRE_CONTAINER_RUNTIME"] = "docker"; // podman may be there, too
        await using var appHost = new RunningProgram(CommandLine.AppHost(environment));
        await appHost.WaitForLineAsync(line => line.Contains("No container engine answers (", StringComparison.Ordinal), Limit);
        var orchestrator = await AppHostProgram.OrchestratorAsync(appHost.Id);
        Assert.Empty(await AppHostProgram.BelongingsAsync(orchestrator));

        engine.Open();
        await appHost.WaitForLineAsync(line => line.Contains("The container engine answers now.", StringComparison.Ordinal), Limit);
        await AppHostProgram.AssertAllAnswerAsync(appHost, orchestrator, Limit);

        // The containers run on while the engine is away.
        await engine.CloseAsync();
        await AppHostProgram.AssertAllAnswerAsync(appHost, orchestrator, Limit);

        // DCP removes them once the engine is back, although the AppHost has ended.
        await appHost.SignalAsync("TERM");
        var (exitCode, output, error) = await appHost.EndAsync(TimeSpan.FromMinutes(1));
        Assert.True(exitCode == 0, $"It ended with {exitCode}: {output}\n{error}");
        Assert.DoesNotMatch(AppHostProgram.StackTrace(), output + error);
        engine.Open();
        await AppHostProgram.AssertNothingIsLeftAsync(orchestrator);
    }
}
