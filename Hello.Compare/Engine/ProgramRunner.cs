using System.ComponentModel;
using CliWrap;

namespace Hello.Compare.Engine;

/// <summary>The result of a program that has ended.</summary>
/// <param name="Output">Standard output, without white space at the end.</param>
/// <param name="Error">Standard error, without white space at the end.</param>
public sealed partial record ProgramResult(int ExitCode, string Output, string Error)
{
    /// <summary>The line that tells why the program failed. Hints may stand behind it.</summary>
    /// <remarks>
    /// <c>ERROR: failed to solve: …</c>, then <c>View build details: docker-desktop://…</c>;
    /// <c>docker: Error response from daemon: …</c> or <c>unknown flag: --fast</c>, then <c>Run 'docker run --help' for more information</c>.
    /// </remarks>
    public string Reason
    {
        get
        {
            const StringSplitOptions Lines = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
            var lines = (string.IsNullOrWhiteSpace(Error) ? Output : Error).Split(['\n', '\r'], Lines);
            var reason = PlainText.Clean(lines.LastOrDefault(l => ErrorLine().IsMatch(l))
                ?? lines.LastOrDefault(l => FailureWords().IsMatch(l))
                ?? lines.LastOrDefault("it wrote nothing"));
            var remedy = Array.Find(Remedies, r => reason.Contains(r.Part, StringComparison.Ordinal)).Remedy;
            return remedy is null ? reason : $"{reason}. {remedy}";
        }
    }

    /// <summary>Parts of the engine's errors that name neither the cause nor what to do.</summary>
    private static readonly (string Part, string? Remedy)[] Remedies =
    [
        ("error getting credentials", "Remove credsStore from the configuration of Docker's client, or run: export DOCKER_CONFIG=$(mktemp -d)"),
        .. ((string[])["failed to do request", "Get \"https://", "no such image: mcr."]).Select(
            part => (part, (string?)"If this machine cannot reach the registry, run: eng/setup.sh")),
    ];

    /// <summary>A line that begins as an error does, perhaps behind the program's name or the number of a build step.</summary>
    [GeneratedRegex(@"^(#\d+ |[\w./-]+: )?(fatal )?error\b", RegexOptions.IgnoreCase)]
    private static partial Regex ErrorLine();

    [GeneratedRegex(
        @"\b(cannot|can't|could not|denied|fail(ed|s)|invalid|is not|no such|not found|refused|timed? ?out|unable|unknown|unrecognized)\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex FailureWords();
}

/// <summary>Runs programs without a shell. Cancellation kills the program and its children. Public, because eng/sbom/Sbom.cs uses it.</summary>
public static class ProgramRunner
{
    /// <summary>Runs a program to its end, whatever its exit code.</summary>
    /// <exception cref="MeasurementException">The program could not be started.</exception>
    public static async Task<ProgramResult> TryRunAsync(Command command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        var (output, error) = (new StringBuilder(), new StringBuilder());
        var result = await Start(
            command
                .WithStandardOutputPipe(PipeTarget.Merge(command.StandardOutputPipe, PipeTarget.ToStringBuilder(output)))
                .WithStandardErrorPipe(PipeTarget.Merge(command.StandardErrorPipe, PipeTarget.ToStringBuilder(error))),
            cancellationToken);
        return new(result.ExitCode, output.ToString().TrimEnd(), error.ToString().TrimEnd());
    }

    /// <summary>Runs a program that must end with an exit code of 0.</summary>
    /// <returns>Standard output, without white space at the end.</returns>
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
        var result = await Start(
            command
                .WithStandardOutputPipe(PipeTarget.Create(async (stream, token) =>
                {
                    reading = read(stream, token);
                    await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    await stream.CopyToAsync(Stream.Null, token); // If nobody read the rest, the program would wait for a reader and never end.
                }))
                .WithStandardErrorPipe(PipeTarget.ToStringBuilder(error)),
            cancellationToken);
        // If the program failed, its error is reported, not the reader's: output that ends too early is only a consequence.
        return result.ExitCode == 0 ? await reading! : throw Failure(command, new(result.ExitCode, "", error.ToString().TrimEnd()));
    }

    /// <summary>Starts a program and does not wait for its end.</summary>
    /// <param name="cancellationToken">Kills the program and its children.</param>
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

    internal static MeasurementException Failure(Command command, ProgramResult result) =>
        new($"'{command.TargetFilePath} {command.Arguments}' ended with {result.ExitCode}: {result.Reason}");
}
