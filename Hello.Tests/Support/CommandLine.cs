using System.Diagnostics;

namespace Hello.Tests;

/// <summary>Runs programs of this machine.</summary>
internal static class CommandLine
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static Task<string> DockerAsync(params string[] arguments) => RunAsync("docker", arguments);

    /// <summary>Runs a program. The test fails with all that the program wrote unless it ends with 0.</summary>
    /// <returns>What it wrote to standard output, without white space at the end.</returns>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (exitCode, output, error) = await TryAsync(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {exitCode}: {output}\n{error}");
        return output;
    }

    /// <summary>Runs a program to its end, whatever its exit code.</summary>
    public static Task<ProgramResult> TryAsync(string program, params string[] arguments) => TryAsync(Cli.Wrap(program).WithArguments(arguments));

    public static async Task<ProgramResult> TryAsync(Command command, TimeSpan? limit = null)
    {
        using var time = new CancellationTokenSource(limit ?? Limit);
        return await ProgramRunner.TryRunAsync(command, time.Token);
    }

    /// <summary><c>dotnet run --project Hello.Compare</c>, without the build.</summary>
    public static Command Compare(params string[] arguments) => Program(typeof(ComparisonRun).Assembly.Location, arguments);

    /// <summary><c>dotnet run --project Hello.AppHost</c>, without the build.</summary>
    /// <param name="environment">Variables in place of those of the launch profile.</param>
    public static Command AppHost(IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        Program(typeof(Projects.Hello_AppHost).Assembly.Location, arguments)
        .WithWorkingDirectory(Projects.Hello_AppHost.ProjectPath)
        .WithEnvironmentVariables(environment);

    /// <summary>Asks again until the answer is right or the time is up.</summary>
    /// <returns>The last answer, right or not, so that the test can say what was seen.</returns>
    public static async Task<T> PollAsync<T>(Func<Task<T>> ask, Func<T, bool> isRight, TimeSpan limit)
    {
        // Asks often at first and rarely later: a quick answer is seen at once, and a slow one costs little.
        for (var started = Stopwatch.StartNew(); ; await Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp(started.ElapsedMilliseconds / 10, 50, 500))))
        {
            var answer = await ask();
            if (isRight(answer) || started.Elapsed > limit)
            {
                return answer;
            }
        }
    }

    private static Command Program(string assembly, string[] arguments)
    {
        // A shell that runs the tests in the background makes them ignore SIGINT, nohup makes them ignore SIGHUP, and a child inherits
        // that: env(1).
        string[] signals = OperatingSystem.IsLinux() ? ["env", "--default-signal=HUP,INT,TERM"] : [];
        string[] command = [.. signals, "dotnet", assembly, .. arguments];
        return Cli.Wrap(command[0]).WithArguments(command[1..]);
    }
}
