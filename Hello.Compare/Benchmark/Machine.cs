using System.Globalization;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

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
        .. from range in File.ReadLines("/proc/self/status").Single(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split(':')[1].Split(',')
           let ends = Array.ConvertAll(range.Split('-'), end => int.Parse(end, CultureInfo.InvariantCulture))
           from core in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
           select core,
    ]);

    /// <summary>The server's core.</summary>
    public string ServerCore { get; } = Format.Invariant($"{Cores.Value[0]}");

    /// <summary>All other cores.</summary>
    public int[] ClientCores { get; } = Cores.Value[1..];

    /// <summary>Lists everything that the benchmark needs and this machine lacks.</summary>
    /// <returns>One line for each, with a remedy.</returns>
    public static IEnumerable<string> Missing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return ["The benchmark needs Linux, because it pins processes to cores and reads /proc. Run it on Linux."];
        }

        (bool IsThere, string Line)[] needs =
        [
            (Cores.Value.Length > 1, "The benchmark needs two cores, one for the server and one for the client, but this process may use only one. Run it on a machine with two or more cores."),
            (IsOnPath("go"), "go is missing. Install it with: apt-get install golang-go"),
            (Directory.Exists($"{GoPath}/src/github.com/gin-gonic/gin"), "Gin is missing. Install it with: apt-get install golang-github-gin-gonic-gin-dev"),
            (IsOnPath("taskset"), "taskset is missing. Install it with: apt-get install util-linux"),
        ];
        return needs.Where(n => !n.IsThere).Select(n => n.Line);

        static bool IsOnPath(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
    }

    /// <summary>Moves all threads of this process off the server's core. Programs that it starts later inherit this.</summary>
    public Task PinAsync(CancellationToken cancellationToken) =>
        ProgramRunner.RunAsync(Cli.Wrap("taskset").WithArguments(["--all-tasks", "--cpu-list", "--pid", string.Join(',', ClientCores), Format.Invariant($"{Environment.ProcessId}")]), cancellationToken);
}
