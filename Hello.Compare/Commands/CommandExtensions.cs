using System.CommandLine;
using System.Runtime.InteropServices;

namespace Hello.Compare.Commands;

/// <summary>The parts that all commands share: options, progress lines, errors, and the handling of signals.</summary>
internal static class CommandExtensions
{
    /// <summary>The signals that interrupt a command, and its exit code then: 128 and the number of the signal, as in a shell.</summary>
    private static readonly (PosixSignal Signal, int ExitCode)[] Interruptions =
        [(PosixSignal.SIGINT, 130), (PosixSignal.SIGTERM, 143), (PosixSignal.SIGHUP, 129)];

    /// <summary>Sets the action of a command. If it fails or is interrupted, the user gets one line.</summary>
    public static void WithAction(this Command command, Func<ParseResult, CancellationToken, Task<int>> run) => command.SetAction(async parsed =>
    {
        using var interrupted = new CancellationTokenSource();
        var exitCode = 0;
        var registrations = Interruptions.Select(i => PosixSignalRegistration.Create(i.Signal, context =>
        {
            // The first signal cancels the command, which then removes its images and containers. The second one ends the process at once.
            context.Cancel = !interrupted.IsCancellationRequested;
            exitCode = i.ExitCode;
            interrupted.Cancel();
        })).ToArray();
        try
        {
            return await run(parsed, interrupted.Token);
        }
        catch (Exception) when (interrupted.IsCancellationRequested)
        {
            // Ctrl+C also ends the engine's command that is running. Its failure needs no line of its own.
            Error("Interrupted. Nothing was written.");
            return exitCode;
        }
        catch (Exception e) when (e is MeasurementException or IOException or UnauthorizedAccessException)
        {
            Error(e.Message);
            return 1;
        }
        finally
        {
            Array.ForEach(registrations, registration => registration.Dispose());
        }
    });

    public static Option<int> Number(string name, string description, int byDefault, int lowest = 1, int highest = 100)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => byDefault };
        option.InRange(lowest, highest);
        return option;
    }

    /// <summary>Refuses a value that is not a whole number from the lowest to the highest.</summary>
    public static void InRange(this Option option, int lowest, int highest) => option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var text }]
            && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= lowest && n <= highest))
        {
            result.AddError(Format.Invariant($"{option.Name} must be a number from {lowest} to {highest}, not '{text}'."));
        }
    });

    /// <summary>Says on standard error what is done now.</summary>
    public static void Report(string step)
    {
        try
        {
            Console.Error.WriteLine(PlainText.Clean(step));
        }
        catch (IOException)
        {
            // The terminal is closed. The command must still remove its images and containers.
        }
    }

    public static void Error(string line) => Report($"error: {line}");
}
