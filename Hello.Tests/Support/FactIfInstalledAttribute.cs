namespace Hello.Tests;

/// <summary>A test that needs programs which not every machine has. It is skipped, with the reason, on a machine without them.</summary>
/// <param name="programs">Names of programs in <c>PATH</c>. A plugin is written as it is called: <c>docker compose</c>.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactIfInstalledAttribute(params string[] programs) : FactAttribute
{
    private static readonly string[] Compilers = ["aarch64-linux-gnu-objcopy", "clang", "ld.lld"];

    public IReadOnlyList<string> Programs { get; } = programs;

    /// <summary>Whether the test runs one of them with <c>sudo</c>.</summary>
    public bool AsRoot { get; set; }

    /// <summary>Whether the test compiles for arm64 on amd64, and runs the result.</summary>
    public bool OnArm64 { get; set; }

    public override string? Skip
    {
        get => programs.Concat(OnArm64 ? Compilers : []).FirstOrDefault(program => !IsInstalled(program)) is { } missing
                ? $"There is no {missing} on this machine."
            : AsRoot && !Environment.IsPrivilegedProcess && !Succeeds("sudo", "--non-interactive", "true")
                ? "The test needs root, and sudo asks for a password."
            : OnArm64 && !File.Exists("/proc/sys/fs/binfmt_misc/qemu-aarch64") ? "This machine does not emulate arm64."
            : base.Skip;
        set => base.Skip = value;
    }

    /// <summary>The first of some programs that a folder of <c>PATH</c> has; null if there is none.</summary>
    internal static string? Find(params string[] names) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(folder => names.SelectMany(name => (string[])[Path.Combine(folder, name), Path.Combine(folder, name + ".exe")]))
        .FirstOrDefault(File.Exists);

    private static bool IsInstalled(string program) => program.Split(' ') is [var name, var plugin]
        ? Succeeds(name, plugin, "version")
        : Find(program) is not null;

    private static bool Succeeds(string program, params string[] arguments)
    {
        try
        {
            var command = Cli.Wrap(program).WithArguments(arguments);
            return Task.Run(() => ProgramRunner.TryRunAsync(command, CancellationToken.None)).GetAwaiter().GetResult().ExitCode == 0;
        }
        catch (MeasurementException)
        {
            return false; // there is no such program
        }
    }
}
