using CliWrap;

namespace Hello.Compare.Benchmark;

/// <summary>The tools and cores of this machine. The server gets one core, and all other programs get the rest.</summary>
internal sealed class Machine
{
    /// <summary>Where Debian's packages of Go libraries put their sources: https://go-team.pages.debian.net/packaging.html.</summary>
    public const string GoPath = "/usr/share/gocode";

    /// <summary>The cores that this process may use. They need not be all cores of the machine: <c>Cpus_allowed_list:	0-3,8</c>, proc_pid_status(5).</summary>
    /// <remarks>Read when it is needed: only Linux has the file.</remarks>
    private static readonly Lazy<int[]> Cores = new(() =>
    [
        .. from line in File.ReadLines("/proc/self/status")
           where line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)
           from range in line.Split(':')[1].Split(',')
           let ends = Array.ConvertAll(range.Split('-'), end => int.Parse(end, CultureInfo.InvariantCulture))
           from core in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
           select core,
    ]);

    public string ServerCore { get; } = Format.Invariant($"{Cores.Value[0]}");

    public string ClientCores { get; } = string.Join(',', Cores.Value[1..]);

    /// <summary>The tools that the benchmark needs and this machine lacks, each with a remedy.</summary>
    public static IEnumerable<string> Missing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return ["The benchmark needs Linux, because it pins processes to cores and reads /proc. Run it on Linux."];
        }

        (bool IsThere, string Line)[] needs =
        [
            (Cores.Value.Length > 1, "The benchmark needs a core for the server and another one for the client. Run it on a machine with two or more cores."),
            (IsOnPath("go"), "go is missing. Install it with: apt-get install golang-go"),
            (Directory.Exists($"{GoPath}/src/github.com/gin-gonic/gin"), "Gin is missing. Install it with: apt-get install golang-github-gin-gonic-gin-dev"),
            (IsOnPath("taskset"), "taskset is missing. Install it with: apt-get install util-linux"),
        ];
        return needs.Where(n => !n.IsThere).Select(n => n.Line);

        static bool IsOnPath(string program) =>
            Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
    }

    /// <summary>Moves all threads of this process off the server's core. Programs that it starts later inherit this.</summary>
    public Task PinAsync(CancellationToken cancellationToken)
    {
        string[] arguments = ["--all-tasks", "--cpu-list", "--pid", ClientCores, Format.Invariant($"{Environment.ProcessId}")];
        return ProgramRunner.RunAsync(Cli.Wrap("taskset").WithArguments(arguments), cancellationToken);
    }
}
