using CliWrap;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>The commands in docs/debugging.md show what it says, of a container from scratch with least privilege.</summary>
[Trait("Needs", "Engine")]
public sealed class DebuggingTests : IClassFixture<BuiltImages>
{
    private const string Page = "docs/debugging.md";

    private const string Project = "hello-test-debugging";

    private static readonly string Root = RepositoryFolder.Find();

    /// <summary>Sections with nothing to run here.</summary>
    private static readonly string[] WithoutCommands = ["## On Kubernetes", "## What the dashboard shows"];

    private static readonly string[] Gdb = ["## What each thread does", "## A core dump"];

    [FactIfInstalled("docker compose", "gdb", AsRoot = true)]
    public async Task The_container_is_seen_from_outside_and_a_debugger_names_its_methods()
    {
        var seen = await RunAsync(heading => !WithoutCommands.Contains(heading));
        AssertSeen(seen);
        AssertMethods(seen);
    }

    private static void AssertSeen(Dictionary<string, string> seen)
    {
        Contains("## Why docker exec fails", "exec: \"sh\": executable file not found", "\nhealthy\n");
        Contains("## What the engine knows", "/hello-api", " / 96MiB", "\"OOMKilled\":false", "\"Status\":\"healthy\"");
        Contains(
            "## A container beside it",
            "Name:\thello-api", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
            "OTEL_SERVICE_NAME=scratch\n", "Max open files", "anon_inode:[eventpoll]", "hello-api\n");
        Contains("## The network as the container sees it", "nameserver 127.0.0.11", "\nName:\tdashboard\n", "dashboard:18890 can be reached", HelloImages.Greeting, ":::8080");
        Contains("## Its files", " hello-api\n", " etc/hosts\n", "[\"sha256:");
        Assert.DoesNotMatch("(?m)^[ACD] /", seen["## Its files"]); // docker diff
        Contains("## Its log, with more in it", "dbug: Microsoft.Extensions.Hosting.Internal.Host[2] Hosting started");
        Contains("## What does not work", "dotnet-diagnostic-1-");
        void Contains(string heading, params string[] texts) => Assert.All(texts, text => Assert.Contains(text, seen[heading], StringComparison.Ordinal));
    }

    private static void AssertMethods(Dictionary<string, string> seen)
    {
        Assert.All(Gdb, heading =>
        {
            Assert.Contains("in Hello_Api_Program___Main__ (args=", seen[heading], StringComparison.Ordinal);
            Assert.Matches(@"at /src/Hello\.Api/Program\.cs:\d+", seen[heading]);
            Assert.DoesNotContain("CRC mismatch", seen[heading], StringComparison.Ordinal); // the symbols are those of another build
        });
        Assert.Contains("SocketAsyncEngine__EventLoop", seen[Gdb[0]], StringComparison.Ordinal);
    }

    /// <summary>Runs the commands of the page in one shell, as a reader does.</summary>
    /// <returns>By heading, what the commands wrote.</returns>
    private static async Task<Dictionary<string, string>> RunAsync(Func<string, bool> wanted)
    {
        var headings = (await File.ReadAllLinesAsync(Path.Combine(Root, Page))).Where(line => line.StartsWith("## ", StringComparison.Ordinal) && wanted(line)).ToArray();
        List<string> commands = ["set -euo pipefail", "exec 2>&1", "((EUID)) || sudo() { \"$@\"; }"];
        foreach (var heading in headings)
        {
            commands.Add($"echo '{heading}'");
            commands.Add(await ReadmeTests.CommandsAsync(heading, Page));
        }

        try
        {
            var (exitCode, output, _) = await CommandLine.TryAsync(
                Cli.Wrap("bash").WithArguments(["-c", string.Join('\n', commands)]).WithWorkingDirectory(Root)
                    .WithEnvironmentVariables(e => e.Set("COMPOSE_PROJECT_NAME", Project).Set("PUBLISH_ADDRESS", "127.0.0.78")),
                TimeSpan.FromMinutes(3));
            Assert.True(exitCode == 0, $"The commands of {Page} ended with {exitCode}: {output}");
            Assert.Equal("", await CommandLine.DockerAsync("container", "ls", "--all", "--quiet", "--filter", $"label=com.docker.compose.project={Project}"));
            return output.Split("\n## ").ToDictionary(part => $"## {part.Split('\n')[0]}", part => $"{part}\n");
        }
        finally
        {
            await CommandLine.TryAsync("docker", "compose", "--project-name", Project, "down", "--remove-orphans");
            foreach (var core in Directory.EnumerateFiles(Path.Combine(Root, "artifacts"), "core.*"))
            {
                File.Delete(core); // about 1 GB
            }
        }
    }
}
