using System.CommandLine;
using Hello.AppHost.Comparison;
using Hello.AppHost.Ledger;

namespace Hello.AppHost;

/// <summary>What the AppHost does instead of running the builds, on its command line.</summary>
internal static class AppHostCommands
{
    /// <summary>So that what was made can be removed after Ctrl+C.</summary>
    private static readonly TimeSpan CleanUpLimit = TimeSpan.FromMinutes(2);

    /// <summary>Runs a command and sets the process's exit code.</summary>
    /// <param name="builder">The model.</param>
    /// <param name="args">The command line, the command's name first.</param>
    /// <returns>Completes once the command has ended.</returns>
    public static async Task RunCommandAsync(this IDistributedApplicationBuilder builder, string[] args)
    {
        var parsed = new RootCommand("Runs the three builds of the hello API side by side.") { CompareCommand.Create(builder), LedgerCommand.Create(builder) }.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync($"error: {string.Join(' ', parsed.Errors.Select(e => e.Message))} '{parsed.CommandResult.Command.Name} --help' lists the options.");
            Environment.ExitCode = 1;
            return;
        }

        Environment.ExitCode = await parsed.InvokeAsync(new() { ProcessTerminationTimeout = CleanUpLimit });
    }

    /// <summary>Sets what a command does; Ctrl+C and what cannot be measured are one line each.</summary>
    /// <param name="command">The command.</param>
    /// <param name="what">What it makes, as the line about Ctrl+C calls it.</param>
    /// <param name="run">Does it, and returns the exit code.</param>
    public static void SetAction(this Command command, string what, Func<ParseResult, CancellationToken, Task<int>> run) =>
        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                return await run(parsed, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync($"error: The {what} was interrupted; nothing was written, and nothing is left behind.");
                return 130; // as a shell has it of a command that Ctrl+C ended
            }
            catch (Exception e) when (e is MeasurementException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"error: {e.Message}");
                return 1;
            }
        });
}
