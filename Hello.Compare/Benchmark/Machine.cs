using System.Globalization;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

namespace Hello.Compare.Benchmark;

/// <summary>What this machine has, and who gets which of its cores.</summary>
internal sealed class Machine
{
    /// <summary>Where Debian's packages of Go libraries put their sources: https://go-team.pages.debian.net/packaging.html.</summary>
    public const string GoPath = "/usr/share/gocode";

    /// <summary>The cores that this process may use, which need not be all: <c>Cpus_allowed_list:	0-3,8</c>, proc_pid_status(5).</summary>
    private static readonly int[] Cores =
    [
        .. from range in File.ReadLines("/proc/self/status").Single(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split(':')[1].Split(',')
           let ends = Array.ConvertAll(range.Split('-'), end => int.Parse(end, CultureInfo.InvariantCulture))
           from core in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
           select core,
    ];

    /// <summary>The server's.</summary>
    public string ServerCore { get; } = Format.Invariant($"{Cores[0]}");

    /// <summary>All the others.</summary>
    public int[] ClientCores { get; } = Cores[1..];

    /// <summary>Says what keeps the benchmark from running.</summary>
    /// <returns>A line each, with what mends it.</returns>
    public static IEnumerable<string> Missing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return ["The benchmark pins processes to cores and reads /proc: run it on Linux."];
        }

        (bool IsThere, string Line)[] needs =
        [
            (Cores.Length > 1, "Server and client need a core each, and this process may use one only: run it on a machine with two or more."),
            (IsOnPath("go"), "go is missing: apt-get install golang-go"),
            (Directory.Exists($"{GoPath}/src/github.com/gin-gonic/gin"), "Gin is missing: apt-get install golang-github-gin-gonic-gin-dev"),
            (IsOnPath("wrk"), "wrk is missing: apt-get install wrk"),
            (IsOnPath("taskset"), "taskset is missing: apt-get install util-linux"),
        ];
        return needs.Where(n => !n.IsThere).Select(n => n.Line);

        static bool IsOnPath(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
    }

    /// <summary>Moves this process off the server's core, with all its threads, and so all that it starts from now on.</summary>
    public Task PinAsync(CancellationToken cancellationToken) =>
        ProgramRunner.RunAsync(Cli.Wrap("taskset").WithArguments(["--all-tasks", "--cpu-list", "--pid", string.Join(',', ClientCores), Format.Invariant($"{Environment.ProcessId}")]), cancellationToken);
}

