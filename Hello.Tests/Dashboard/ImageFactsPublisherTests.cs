using System.Collections.Concurrent;
using Hello.AppHost;
using Hello.AppHost.Dashboard;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

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

    [Theory]
    [InlineData("Building", null, "Building the image. The first build takes a minute or two, later ones a few seconds.")]
    [InlineData("FailedToStart", null, "It did not start. The lines above say why. Correct the cause, then press Start. The other builds are not affected.")]
    [InlineData("RuntimeUnhealthy", null, "No container engine answers. Start it, or run eng/setup.sh. The build then begins by itself.")]
    [InlineData("Exited", 137, "The container ended with exit code 137. The lines above say why. Press Start to start it again.")]
    [InlineData("Exited", 0, null)]
    [InlineData("Running", null, null)]
    public void A_state_that_a_newcomer_may_not_know_is_explained(string state, int? exitCode, string? line)
    {
        var log = new CollectingLogger();

        log.Explain(state, exitCode);

        Assert.Equal(line is null ? [] : [line], log.Lines);
    }

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

    /// <summary>Keeps what is logged.</summary>
    private sealed class CollectingLogger : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
