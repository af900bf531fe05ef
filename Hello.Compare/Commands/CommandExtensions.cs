using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Hello.Compare.Engine;

namespace Hello.Compare.Commands;

/// <summary>The parts that all commands share: options, progress lines, errors, and the handling of signals.</summary>
internal static class CommandExtensions
{
    /// <summary>The signals that interrupt a command, and its exit code then: 128 and the number of the signal, as in a shell.</summary>
    private static readonly (PosixSignal Signal, int ExitCode)[] Interruptions = [(PosixSignal.SIGINT, 130), (PosixSignal.SIGTERM, 143), (PosixSignal.SIGHUP, 129)];

    /// <summary>Sets the action of a command. If it fails or is interrupted, the user gets one line.</summary>
    /// <param name="run">The action. It returns the exit code.</param>
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
            ConsoleProgress.Clear();
            foreach (var registration in registrations)
            {
                registration.Dispose();
            }
        }
    });

    /// <summary>Fails if a file cannot be written, so that the user learns it before minutes of measuring. The file stays as it is.</summary>
    /// <exception cref="MeasurementException">The file cannot be written.</exception>
    public static void CheckWritable(string file)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var options = File.Exists(file) ? FileOptions.None : FileOptions.DeleteOnClose;
            new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0, options).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MeasurementException($"{file} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>An option for a number from 1 to 100.</summary>
    public static Option<int> Number(string name, string description, int byDefault)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => byDefault };
        option.InRange(1, 100);
        return option;
    }

    /// <summary>Refuses a value that is no whole number of a range.</summary>
    public static void InRange(this Option option, int lowest, int highest) => option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= lowest && n <= highest))
        {
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be a number from {lowest} to {highest}, not '{text}'."));
        }
    });

    /// <summary>Writes an error line to standard error.</summary>
    public static void Error(string line) => ConsoleProgress.WriteLine($"error: {PlainText.Clean(line)}");
}
