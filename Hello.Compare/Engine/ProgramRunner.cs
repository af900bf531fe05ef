using System.ComponentModel;
using System.Text;
using CliWrap;

namespace Hello.Compare.Engine;

/// <summary>How a program ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Standard output, without white space at the end.</param>
/// <param name="Error">Standard error, without white space at the end.</param>
public sealed record ProgramResult(int ExitCode, string Output, string Error)
{
    /// <summary>The last line that the program wrote, which usually tells why it failed.</summary>
    public string LastLine => $"{Output}\n{Error}".Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault("it wrote nothing");
}

/// <summary>Runs programs by argument list. A program that is cancelled is killed with its children.</summary>
public static class ProgramRunner
{
    /// <summary>Runs a program to its end, whatever its exit code.</summary>
    /// <exception cref="MeasurementException">The program could not be started.</exception>
    public static async Task<ProgramResult> TryRunAsync(Command command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        var (output, error) = (new StringBuilder(), new StringBuilder());
        var result = await ExecuteAsync(
            command
                .WithStandardOutputPipe(PipeTarget.Merge(command.StandardOutputPipe, PipeTarget.ToStringBuilder(output)))
                .WithStandardErrorPipe(PipeTarget.Merge(command.StandardErrorPipe, PipeTarget.ToStringBuilder(error))),
            cancellationToken);
        return new(result.ExitCode, output.ToString().TrimEnd(), error.ToString().TrimEnd());
    }

    /// <summary>Runs a program that must end with an exit code of 0.</summary>
    /// <returns>What the program wrote to standard output, without white space at the end.</returns>
    /// <exception cref="MeasurementException">The program could not be started, or it failed.</exception>
    public static async Task<string> RunAsync(Command command, CancellationToken cancellationToken)
    {
        var result = await TryRunAsync(command, cancellationToken);
        return result.ExitCode == 0 ? result.Output : throw Failure(command, result);
    }

    /// <summary>Reads standard output as a stream while the program writes it.</summary>
    /// <exception cref="MeasurementException">The program could not be started, or it failed.</exception>
    public static async Task<T> ReadAsync<T>(Command command, Func<Stream, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        Task<T>? reading = null;
        var error = new StringBuilder();
        var result = await ExecuteAsync(
            command
                .WithStandardOutputPipe(PipeTarget.Create(async (stream, token) =>
                {
                    reading = read(stream, token);
                    await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    await stream.CopyToAsync(Stream.Null, token); // otherwise the program waits for a reader and never ends
                }))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(error)),
            cancellationToken);
        // The program's own failure comes first: it is the reason for output that ends too early.
        return result.ExitCode == 0 ? await reading! : throw Failure(command, new(result.ExitCode, "", error.ToString().TrimEnd()));
    }

    /// <summary>Starts a program that runs beside this one.</summary>
    /// <param name="command">The program.</param>
    /// <param name="cancellationToken">Kills the program with its children.</param>
    /// <exception cref="MeasurementException">The program could not be started.</exception>
    public static CommandTask<CommandResult> Start(Command command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        try
        {
            return command.WithValidation(CommandResultValidation.None).ExecuteAsync(cancellationToken);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            // .NET's own message also names the program and the working directory. The system's message is enough.
            var reason = e.GetBaseException() is Win32Exception { NativeErrorCode: var code } ? new Win32Exception(code).Message : e.Message;
            throw new MeasurementException($"{command.TargetFilePath} could not be started: {reason}", e);
        }
    }

    /// <summary>The error about a program that failed.</summary>
    public static MeasurementException Failure(Command command, ProgramResult result)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(result);
        return new($"'{command.TargetFilePath} {command.Arguments}' ended with {result.ExitCode}: {result.LastLine}");
    }

    private static async Task<CommandResult> ExecuteAsync(Command command, CancellationToken cancellationToken) => await Start(command, cancellationToken);
}
