namespace Hello.Tests;

/// <summary>What AppHosts have made on the machine and are to remove again.</summary>
public static class AppHostBelongings
{
    /// <summary>The containers and networks of AppHosts, by name; what else runs on the machine is none of their business.</summary>
    /// <returns>The names.</returns>
    public static async Task<string[]> ListAsync()
    {
        string[] ofDcp = ["--filter", "label=com.microsoft.developer.usvc-dev.creatorProcessId"];
        return
        [
            .. Lines(await CommandLine.DockerAsync(["container", "ls", "--all", .. ofDcp, "--format", "{{.Names}}"])),
            .. Lines(await CommandLine.DockerAsync(["network", "ls", .. ofDcp, "--format", "{{.Name}}"])),
        ];
    }

    /// <summary>Gives DCP time to tidy up, which it does by itself when its AppHost is killed.</summary>
    /// <param name="own">The names of what there was.</param>
    /// <returns>What is left after that time.</returns>
    public static Task<string[]> LeftOfAsync(string[] own) =>
        CommandLine.PollAsync<string[]>(async () => [.. (await ListAsync()).Intersect(own)], left => left.Length == 0, TimeSpan.FromSeconds(40));

    /// <summary>The processes of DCP that watch over a process: <c>dcp start-apiserver --monitor 1234 …</c>.</summary>
    /// <param name="pid">The process.</param>
    /// <returns>Their command lines.</returns>
    public static async Task<string[]> OrchestratorsOfAsync(int pid) =>
        [.. Lines(await CommandLine.RunAsync("ps", "-eo", "args")).Where(line => line.Contains($"start-apiserver --monitor {pid} ", StringComparison.Ordinal))];

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
