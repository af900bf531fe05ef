using System.Diagnostics;

namespace Hello.Tests;

/// <summary>Runs programs of the host.</summary>
public static class CommandLine
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Runs <c>docker</c>.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>What it wrote to standard output, without the last line end.</returns>
    public static Task<string> DockerAsync(params string[] arguments) => RunAsync("docker", arguments);

    /// <summary>Runs a program and fails the test, with what it said, unless it ends with 0.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>What it wrote to standard output, without the last line end.</returns>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (exitCode, output, error) = await TryAsync(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {exitCode}: {error}");
        return output;
    }

    /// <summary>Runs a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>How it ended and what it wrote, without the last line end.</returns>
    public static async Task<(int ExitCode, string Output, string Error)> TryAsync(string program, params string[] arguments)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, output.TrimEnd(), (await error).TrimEnd());
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>Asks again, until the answer is right or the time is up.</summary>
    /// <typeparam name="T">What the answer is.</typeparam>
    /// <param name="ask">Asks.</param>
    /// <param name="isRight">Judges the answer.</param>
    /// <param name="limit">The time.</param>
    /// <returns>The last answer, right or not: the test says what was seen.</returns>
    public static async Task<T> PollAsync<T>(Func<Task<T>> ask, Func<T, bool> isRight, TimeSpan limit)
    {
        for (var started = Stopwatch.StartNew(); ; await Task.Delay(200))
        {
            var answer = await ask();
            if (isRight(answer) || started.Elapsed > limit)
            {
                return answer;
            }
        }
    }
}
