using System.CommandLine;
using System.Runtime.InteropServices;
using Hello.Compare.Engine;

namespace Hello.Compare.Commands;

/// <summary>What all commands have in common: how they say what they do, how they fail, how they end.</summary>
internal static class CommandExtensions
{
    /// <summary>Signals that end a command early, and the exit codes that a shell expects then.</summary>
    private static readonly (PosixSignal Signal, int ExitCode)[] Interruptions = [(PosixSignal.SIGINT, 130), (PosixSignal.SIGTERM, 143), (PosixSignal.SIGHUP, 129)];

    /// <summary>Sets what a command does. A failure and an interruption are one line each.</summary>
    /// <param name="command">The command.</param>
    /// <param name="run">Does it, and returns the exit code.</param>
    public static void WithAction(this Command command, Func<ParseResult, CancellationToken, Task<int>> run) => command.SetAction(async parsed =>
    {
        using var interrupted = new CancellationTokenSource();
        var exitCode = 0;
        var registrations = Interruptions.Select(i => PosixSignalRegistration.Create(i.Signal, context =>
        {
            // The first one ends the command, which then removes what it made. The second one ends the process at once.
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
            // Ctrl+C reaches the engine's command, too: its failure is no other reason.
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
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, out var n) && n is >= 1 and <= 100))
            {
                result.AddError($"{name} must be a number from 1 to 100, not '{text}'.");
            }
        });
        return option;
    }

    /// <summary>Says what is being done.</summary>
    public static void Progress(string line) => WriteError(line);

    /// <summary>Says what is wrong.</summary>
    public static void Error(string line) => WriteError($"error: {line}");

    private static void WriteError(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (IOException)
        {
            // The terminal is closed. What was made has to be removed all the same.
        }
    }
}
