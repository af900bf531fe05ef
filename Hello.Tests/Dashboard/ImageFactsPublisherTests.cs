namespace Hello.Tests;

/// <summary>What the console of a build says about its states.</summary>
public sealed class ImageFactsPublisherTests
{
    [Theory]
    [InlineData("Exited", 137, "The container ended with exit code 137. The lines above say why. Press Start to start it again.")]
    [InlineData("Exited", 0, null)]
    public void A_state_that_a_newcomer_may_not_know_is_explained(string state, int? exitCode, string? line)
    {
        var log = new CollectingLogger<object>();

        log.Explain(state, exitCode);

        Assert.Equal(line is null ? [] : [line], log.Lines);
    }

    /// <summary>A script is in place of <c>docker</c>. The container never gets healthy, so only the image is measured.</summary>
    [Fact]
    public async Task An_engine_that_fails_is_one_line()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var fake = await FakeEngine.CreateAsync("echo 'Cannot connect to the Docker daemon' >&2; exit 1");
        var builder = DistributedApplication.CreateBuilder(
            new DistributedApplicationOptions { ProjectDirectory = Projects.Hello_AppHost.ProjectPath, DisableDashboard = true });
        var resource = builder.AddHelloImage("alpine").Resource;
        await using var app = builder.Build();
        var model = app.Services.GetRequiredService<DistributedApplicationModel>();
        var loggers = app.Services.GetRequiredService<ResourceLoggerService>();
        using var inspector = new ImageInspector(fake.Engine);
        using var publisher = new ImageFactsPublisher(model, app.ResourceNotifications, loggers, fake.Engine, inspector, new CollectingLogger<ImageFactsPublisher>());

        await publisher.StartingAsync(limit.Token);
        await app.ResourceNotifications.PublishUpdateAsync(
            resource, resource.Name, s => s with { State = KnownResourceStates.Running, Properties = [new("container.id", "1")] });
        await foreach (var lines in loggers.WatchAsync(resource.Name).WithCancellation(limit.Token))
        {
            const string Reason = "ended with 1: Cannot connect to the Docker daemon). Start Docker, or run: eng/setup.sh";
            Assert.EndsWith(Reason, Assert.Single(lines).Content, StringComparison.Ordinal);
            break;
        }

        await publisher.StopAsync(limit.Token);
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class CollectingLogger<T> : ILogger<T>
{
    public List<string> Lines { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Add(formatter(state, exception));
}
