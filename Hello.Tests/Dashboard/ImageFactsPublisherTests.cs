using Hello.AppHost;
using Hello.AppHost.Dashboard;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.Tests;

/// <summary>What the console of a build says while the engine cannot tell when its container starts.</summary>
public sealed class ImageFactsPublisherTests
{
    private const string NoEngine = "echo 'Cannot connect to the Docker daemon' >&2; exit 1";

    /// <summary>Both at once, because most of the time is spent waiting.</summary>
    [Fact]
    public Task An_engine_that_is_away_is_one_line_however_long_it_is_away() => Task.WhenAll(
        AssertOneLineAsync(NoEngine, "Not measured: No container engine answers ('{0} container ls --quiet --last 1' ended with 1: Cannot connect to the Docker daemon): start one, or run eng/setup.sh."),
        AssertOneLineAsync($"[ $1 = container ] || {{ {NoEngine}; }}", "Not measured: '{0} events' ended with 1: Cannot connect to the Docker daemon"));

    /// <summary>Follows the builds with a script in place of <c>docker</c>.</summary>
    private static async Task AssertOneLineAsync(string script, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
            var docker = Path.Combine(folder.FullName, "docker");
            await File.WriteAllTextAsync(docker, $"#!/bin/sh\necho asked >> \"$0.log\"\n{script}\n", limit.Token);
            await CommandLine.RunAsync("chmod", "+x", docker);
            await using var builder = await HelloApplication.CreateBuilderAsync(new(), limit.Token);
            await using var app = await builder.BuildAsync(limit.Token);
            var (model, notifications, loggers) = (app.Services.GetRequiredService<DistributedApplicationModel>(), app.ResourceNotifications, app.Services.GetRequiredService<ResourceLoggerService>());
            var resource = model.Resources.HelloImages().First().Resource;
            var engine = new ContainerEngine(docker);
            using var inspector = new ImageInspector(engine);
            using var publisher = new ImageFactsPublisher(model, notifications, loggers, engine, inspector, new());

            await publisher.StartingAsync(limit.Token);
            await notifications.PublishUpdateAsync(resource, resource.Name, s => s);
            // Each of the builds asks again and again. The second failure is told, so there has to be a third.
            var expectedCount = HelloImages.Specification.Length * 3;
            var asked = await CommandLine.PollAsync(async () => File.Exists($"{docker}.log") ? await File.ReadAllLinesAsync($"{docker}.log", limit.Token) : [], lines => lines.Length >= expectedCount, TimeSpan.FromSeconds(30));
            await publisher.StopAsync(limit.Token);

            Assert.True(asked.Length >= expectedCount, $"It was asked {asked.Length} times.");
            Assert.Equal(string.Format(null, expected, docker), Assert.Single(await HelloApplication.ConsoleLogAsync(app, resource.Name)).Split(' ', 2)[1]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
