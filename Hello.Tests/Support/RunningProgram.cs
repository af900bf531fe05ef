namespace Hello.Tests;

/// <summary>A program that runs beside the test. If the test ends first, this process is killed, and none of its children.</summary>
internal sealed class RunningProgram : IAsyncDisposable
{
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(40);

    private readonly ConcurrentQueue<string> _output = [];
    private readonly ConcurrentQueue<string> _error = [];
    private readonly CommandTask<CommandResult> _program;

    public RunningProgram(Command command)
    {
        // No token: cancellation would kill the children, too. The orchestrator of an AppHost is a child that has to tidy up.
        _program = ProgramRunner.Start(
            command.WithStandardOutputPipe(PipeTarget.ToDelegate(_output.Enqueue)).WithStandardErrorPipe(PipeTarget.ToDelegate(_error.Enqueue)),
            CancellationToken.None);
    }

    public int Id => _program.ProcessId;

    public bool HasEnded => _program.Task.IsCompleted;

    /// <summary>The lines that the program has written so far, standard output first.</summary>
    public string[] Lines => [.. _output, .. _error];

    /// <summary>The first line that is right. If the program ends or the time is up, the test fails with all lines.</summary>
    public async Task<string> WaitForLineAsync(Func<string, bool> isRight, TimeSpan limit)
    {
        // Whether it has ended is asked before the lines are read, so that the last one is not missed.
        var (ended, line) = await CommandLine.PollAsync(
            () => Task.FromResult((HasEnded, Lines.FirstOrDefault(isRight))), seen => seen is (true, _) or (_, not null), limit);
        return line ?? throw Failure($"The program {(ended ? "ended" : $"did not write the line within {limit}")}");
    }

    public Task SignalAsync(string signal) => CommandLine.RunAsync("kill", $"-{signal}", Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Waits for the end of the program. The test fails if the time is up first.</summary>
    public async Task<ProgramResult> EndAsync(TimeSpan limit)
    {
        if (await Task.WhenAny(_program.Task, Task.Delay(limit)) != _program.Task)
        {
            throw Failure($"The program did not end within {limit}");
        }

        return new((await _program.Task).ExitCode, string.Join('\n', _output), string.Join('\n', _error));
    }

    public async ValueTask DisposeAsync()
    {
        if (!HasEnded)
        {
            await CommandLine.TryAsync("kill", "-KILL", Id.ToString(CultureInfo.InvariantCulture));
            await Task.WhenAny(_program.Task, Task.Delay(KillLimit));
        }
    }

    private Xunit.Sdk.XunitException Failure(string what) => new($"{what}. It wrote:\n{string.Join('\n', Lines)}");
}
