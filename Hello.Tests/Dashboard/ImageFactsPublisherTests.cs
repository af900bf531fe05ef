using System.Collections.Concurrent;
using Hello.AppHost;
using Hello.AppHost.Dashboard;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.Tests;

/// <summary>What the console of a build says while the engine cannot tell when its container starts.</summary>
public sealed class ImageFactsPublisherTests
{
    /// <summary>Counts the failures in a file beside the script.</summary>
    private const string Fail = "echo failed >> failures; echo 'Cannot connect to the Docker daemon' >&2; exit 1";

    /// <summary>Both at once, because most of the time is spent waiting.</summary>
    [Fact]
    public Task An_engine_that_is_away_is_one_line_however_long_it_is_away() => Task.WhenAll(
        AssertOneLineAsync(Fail, "Not measured: No container engine answers ('{0} container ls --quiet --last 1' ended with 1: Cannot connect to the Docker daemon): start one, or run eng/setup.sh."),
        AssertOneLineAsync($"[ $1 = container ] || {{ {Fail}; }}", "Not measured: '{0} events' ended with 1: Cannot connect to the Docker daemon"));

    /// <summary>Follows a build with a script in place of <c>docker</c>. The application is not started.</summary>
    private static async Task AssertOneLineAsync(string script, string expected)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var fake = await FakeEngine.CreateAsync(script);
        var failed = Path.Combine(fake.Folder.FullName, "failures");
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { ProjectDirectory = Projects.Hello_AppHost.ProjectPath, DisableDashboard = true });
        var resource = builder.AddHelloImage("alpine").Resource;
        await using var app = builder.Build();
        var (model, notifications, loggers) = (app.Services.GetRequiredService<DistributedApplicationModel>(), app.ResourceNotifications, app.Services.GetRequiredService<ResourceLoggerService>());
        var engine = fake.Engine;
        using var inspector = new ImageInspector(engine);
        using var publisher = new ImageFactsPublisher(model, notifications, loggers, engine, inspector, new());
        ConcurrentQueue<string> lines = [];
        using var end = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        var reading = ReadAsync();

        await publisher.StartingAsync(limit.Token);
        await notifications.PublishUpdateAsync(resource, resource.Name, s => s);
        // The second failure is told, so there has to be a third.
        var failures = await CommandLine.PollAsync(async () => File.Exists(failed) ? await File.ReadAllLinesAsync(failed, limit.Token) : [], f => f.Length >= 3, TimeSpan.FromSeconds(30));
        await publisher.StopAsync(limit.Token);
        await end.CancelAsync();
        await reading;

        Assert.True(failures.Length >= 3, $"It failed {failures.Length} times.");
        Assert.EndsWith(string.Format(null, expected, Path.Combine(fake.Folder.FullName, "docker")), Assert.Single(lines), StringComparison.Ordinal);

        async Task ReadAsync()
        {
            try
            {
                await foreach (var batch in loggers.WatchAsync(resource.Name).WithCancellation(end.Token))
                {
                    foreach (var line in batch)
                    {
                        lines.Enqueue(line.Content);
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // All has been written.
            }
        }
    }
}
