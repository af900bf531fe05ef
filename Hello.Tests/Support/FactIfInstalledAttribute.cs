using CliWrap;
using Hello.Compare.Engine;

namespace Hello.Tests;

/// <summary>A test that needs a program which not every machine has. It is skipped, with the reason, on a machine without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactIfInstalledAttribute : FactAttribute
{
    /// <summary>Skips the test unless a folder of <c>PATH</c> has the program.</summary>
    /// <param name="plugin">A plugin that it must have, such as <c>compose</c> of <c>docker</c>.</param>
    public FactIfInstalledAttribute(string program, string? plugin = null)
    {
        (Program, Plugin) = (program, plugin);
        if (!Folders.Any(folder => File.Exists(Path.Combine(folder, program)) || File.Exists(Path.Combine(folder, program + ".exe"))))
        {
            Skip = $"There is no {program} on this machine.";
        }
        else if (plugin is not null && Task.Run(() => ProgramRunner.TryRunAsync(Cli.Wrap(program).WithArguments([plugin, "version"]), CancellationToken.None)).GetAwaiter().GetResult().ExitCode != 0)
        {
            Skip = $"{program} on this machine has no plugin {plugin}.";
        }
    }

    public string Program { get; }

    public string? Plugin { get; }

    private static string[] Folders => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
