namespace Hello.Tests;

/// <summary>What the console of a build says about its states.</summary>
public sealed class ImageFactsPublisherTests
{
    [Theory]
    [InlineData("RuntimeUnhealthy", null, "No container engine answers. Start it, or run eng/setup.sh. The build then begins by itself.")]
    [InlineData("Exited", 137, "The container ended with exit code 137. The lines above say why. Press Start to start it again.")]
    [InlineData("Exited", 0, null)]
    public void A_state_that_a_newcomer_may_not_know_is_explained(string state, int? exitCode, string? line)
    {
        var log = new CollectingLogger<object>();

        log.Explain(state, exitCode);

        Assert.Equal(line is null ? [] : [line], log.Lines);
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
