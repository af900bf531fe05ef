namespace Hello.Tests;

/// <summary>A test that needs a program which not every machine has. It is skipped, with the reason, on a machine without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactIfInstalledAttribute : FactAttribute
{
    /// <summary>Skips the test unless a folder of <c>PATH</c> has the program.</summary>
    public FactIfInstalledAttribute(string program)
    {
        Program = program;
        if (!Folders.Any(folder => File.Exists(Path.Combine(folder, program)) || File.Exists(Path.Combine(folder, program + ".exe"))))
        {
            Skip = $"There is no {program} on this machine.";
        }
    }

    public string Program { get; }

    private static string[] Folders => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
