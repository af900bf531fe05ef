using System.Diagnostics;
using Hello.Compare.Figures;

namespace Hello.Compare.Commands;

/// <summary>
/// Says on standard error what a command is doing. In a terminal that is one line, which renews itself. In a pipe or a file, each step
/// is a line. It uses no colours.
/// </summary>
internal static class ConsoleProgress
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    private static readonly bool IsTerminal = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";

    private static readonly Lock Gate = new();

    private static readonly Stopwatch Clock = Stopwatch.StartNew();

    private static Timer? _timer;
    private static string _step = "";
    private static TimeSpan _stepStarted;
    private static int _drawn;

    /// <summary>Begins a step.</summary>
    /// <param name="line">What is done now.</param>
    public static void Report(string line)
    {
        lock (Gate)
        {
            if (!IsTerminal)
            {
                WriteError($"{line}\n");
                return;
            }

            (_step, _stepStarted) = (line, Clock.Elapsed);
            _timer ??= new(_ => Draw(), null, Period, Period);
            Draw();
        }
    }

    /// <summary>Writes a line that stays.</summary>
    public static void WriteLine(string line)
    {
        lock (Gate)
        {
            Erase();
            WriteError($"{line}\n");
        }
    }

    /// <summary>Removes the line that renews itself.</summary>
    public static void Clear()
    {
        lock (Gate)
        {
            _timer?.Dispose();
            _timer = null;
            Erase();
        }
    }

    /// <summary>The line: the step, and how long it has taken.</summary>
    /// <param name="width">Columns of the terminal. A longer line is cut.</param>
    internal static string Render(string step, TimeSpan inStep, int width)
    {
        var line = inStep < TimeSpan.FromSeconds(1) ? step : Format.Invariant($"{step} ({Math.Ceiling(inStep.TotalSeconds):N0} s)");
        return line.Length < width ? line : line[..Math.Max(width - 1, 0)];
    }

    private static void Draw()
    {
        lock (Gate)
        {
            if (_timer is not null)
            {
                var line = Render(_step, Clock.Elapsed - _stepStarted, Width());
                WriteError($"\r{line.PadRight(_drawn)}");
                _drawn = line.Length;
            }
        }
    }

    private static void Erase()
    {
        if (_drawn > 0)
        {
            WriteError($"\r{new string(' ', _drawn)}\r");
            _drawn = 0;
        }
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : 80;
        }
        catch (IOException)
        {
            return 80; // the terminal is closed
        }
    }

    private static void WriteError(string text)
    {
        try
        {
            Console.Error.Write(text);
        }
        catch (IOException)
        {
            // The terminal is closed. The command must still remove its images and containers.
        }
    }
}
