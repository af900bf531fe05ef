using System.Diagnostics;
using System.Globalization;

namespace Hello.Tests;

/// <summary>The AppHost as a user starts it, in a process of its own.</summary>
public static class AppHostProcess
{
    /// <summary>Starts it as its launch profile does.</summary>
    /// <param name="arguments">Its command line.</param>
    /// <returns>The process, whose output is the caller's to read.</returns>
    public static Process Start(params string[] arguments) => Process.Start(Command(arguments))!;

    /// <summary>Starts it with variables of its own.</summary>
    /// <param name="environment">The variables.</param>
    /// <param name="arguments">Its command line.</param>
    /// <returns>The process, whose output is the caller's to read.</returns>
    public static Process Start(IEnumerable<KeyValuePair<string, string>> environment, params string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var command = Command(arguments);
        foreach (var (name, value) in environment)
        {
            command.Environment[name] = value;
        }

        return Process.Start(command)!;
    }

    /// <summary>Runs it to its end.</summary>
    /// <param name="limit">How long it may take; it is killed then.</param>
    /// <param name="environment">A variable of its own.</param>
    /// <param name="arguments">Its command line.</param>
    /// <returns>What it came to.</returns>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(TimeSpan limit, (string Name, string Value)? environment, params string[] arguments)
    {
        using var process = Start(environment is { } variable ? [KeyValuePair.Create(variable.Name, variable.Value)] : [], arguments);
        return await EndAsync(process, limit);
    }

    /// <summary>Waits for it to end.</summary>
    /// <param name="process">The process, whose output nobody has read.</param>
    /// <param name="limit">How long it may take; it is killed then, and DCP tidies up behind it.</param>
    /// <returns>What it came to.</returns>
    public static async Task<(int ExitCode, string Output, string Error)> EndAsync(Process process, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(process);
        using var time = new CancellationTokenSource(limit);
        try
        {
            var error = process.StandardError.ReadToEndAsync(time.Token);
            var output = await process.StandardOutput.ReadToEndAsync(time.Token);
            await process.WaitForExitAsync(time.Token);
            return (process.ExitCode, output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>Sends a signal.</summary>
    /// <param name="process">To whom.</param>
    /// <param name="signal">Its name: INT, TERM, KILL.</param>
    /// <returns>Completes once it is sent.</returns>
    public static Task SignalAsync(Process process, string signal)
    {
        ArgumentNullException.ThrowIfNull(process);
        return CommandLine.RunAsync("kill", $"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture));
    }

    private static ProcessStartInfo Command(string[] arguments)
    {
        // A background job of a shell ignores SIGINT and so does all that it starts, unlike what is typed in a terminal: env(1).
        string[] command = [.. OperatingSystem.IsLinux() ? new[] { "env", "--default-signal=INT" } : [], "dotnet", typeof(Projects.Hello_AppHost).Assembly.Location, .. arguments];
        return new(command[0], command[1..])
        {
            WorkingDirectory = Projects.Hello_AppHost.ProjectPath,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://localhost:15888",
                ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true",
                ["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"] = "http://localhost:18890",
            },
        };
    }
}
