namespace Hello.Tests;

/// <summary>The commands in docs/debugging.md show what it says, of a container from scratch with least privilege.</summary>
[Trait("Needs", "Engine")]
public sealed class DebuggingTests(DebuggingPage page) : IClassFixture<BuiltImages>, IClassFixture<DebuggingPage>
{
    private static readonly string Root = RepositoryFolder.Find();

    [FactIfInstalled("docker compose")]
    public async Task The_container_is_seen_from_outside()
    {
        var seen = await page.SeenAsync();
        Contains("## Why docker exec fails", "exec: \"sh\": executable file not found", "\nhealthy\n");
        Contains("## What the engine knows", "/hello-api", " / 96MiB", "\"OOMKilled\":false", "\"Status\":\"healthy\"");
        Contains(
            "## A container beside it",
            "Name:\thello-api", "Uid:\t0\t0\t0\t0", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
            "OTEL_SERVICE_NAME=scratch\n", "Max open files", "anon_inode:[eventpoll]", "hello-api\n");
        var nonroot = seen["## A container beside it"].Split("\n10001\n")[1];
        Assert.Contains("-> anon_inode:[eventpoll]", nonroot, StringComparison.Ordinal);
        Contains(
            "## The network as the container sees it",
            "nameserver 127.0.0.11", "\nName:\tdashboard\n", "dashboard:18890 can be reached", HelloImages.Greeting, ":::8080");
        Contains("## Its files", " hello-api\n", " etc/hosts\n", "[\"sha256:");
        Assert.DoesNotMatch("(?m)^[ACD] /", seen["## Its files"]); // docker diff
        Contains("## Its log, with more in it", "dbug: Microsoft.Extensions.Hosting.Internal.Host[2] Hosting started");
        Contains("## What does not work", "dotnet-diagnostic-1-");

        void Contains(string heading, params string[] texts) =>
            Assert.All(texts, text => Assert.Contains(text, seen[heading], StringComparison.Ordinal));
    }

    [FactIfInstalled("docker compose", "gdb", AsRoot = true)]
    public async Task A_debugger_names_the_methods_of_the_process_and_of_its_core_dump()
    {
        var seen = await page.SeenAsync();
        Assert.All(DebuggingPage.WithGdb, heading =>
        {
            Assert.Contains("in Hello_Api_Program___Main__ (args=", seen[heading], StringComparison.Ordinal);
            Assert.Matches(@"at /src/Hello\.Api/Program\.cs:\d+", seen[heading]);
            Assert.DoesNotContain("CRC mismatch", seen[heading], StringComparison.Ordinal); // the symbols are those of another build
        });
        Assert.Contains("\nrestarts: 0, out of memory: false\n", seen[DebuggingPage.WithGdb[1]], StringComparison.Ordinal);
        Assert.Contains("SocketAsyncEngine__EventLoop", seen[DebuggingPage.WithGdb[0]], StringComparison.Ordinal);
    }

    /// <summary>Symbols of another build would be of no use. So the target must take its layers from the cache of the image's build.</summary>
    [Fact]
    public async Task The_symbols_are_those_of_the_binary_in_the_image()
    {
        var folder = Directory.CreateTempSubdirectory("hello-test-").FullName;
        try
        {
            string[] command = ["build", "--progress", "plain", "--file", Path.Combine(Root, "Dockerfile-scratch"), "--target", "symbols"];
            var (exitCode, _, steps) = await CommandLine.TryAsync("docker", [.. command, "--output", folder, Root]);
            Assert.True(exitCode == 0, $"docker build ended with {exitCode}: {steps}");

            // #7 [build 8/8] RUN dotnet publish Hello.Api --use-current-runtime --no-restore --output /out
            // #7 CACHED
            Assert.Matches(@"(?m)^#(\d+) \[build .*\] RUN dotnet publish .*\n#\1 CACHED$", steps);
            var binary = (await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch")).Single(file => file.Path == "hello-api");
            Assert.False(Elf.HasSymbolTable(binary.Content));
            var symbols = await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(folder)));
            Assert.True(Elf.HasSymbolTable(symbols));
            Assert.Equal(BuildId(binary.Content), BuildId(symbols));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The ID that the linker gives a binary and its symbols. The header of its note stands before it: elf(5).</summary>
    private static string BuildId(byte[] file)
    {
        ReadOnlySpan<byte> header = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, .. "GNU\0"u8];
        var at = file.AsSpan().IndexOf(header);
        Assert.True(at >= 0, "It has no build ID.");
        return Convert.ToHexStringLower(file.AsSpan(at + header.Length, 20));
    }
}

/// <summary>What the commands of docs/debugging.md write. They run once for all tests, when the first asks.</summary>
public sealed class DebuggingPage
{
    public const string Page = "docs/debugging.md";

    private const string Project = "hello-test-debugging";

    private static readonly string Root = RepositoryFolder.Find();

    /// <summary>Sections with nothing to run here.</summary>
    private static readonly string[] WithoutCommands = ["## On Kubernetes", "## What the dashboard shows"];

    private Task<Dictionary<string, string>>? _seen;

    /// <summary>The sections that need gdb and root. A machine without them runs the others.</summary>
    public static IReadOnlyList<string> WithGdb { get; } = ["## What each thread does", "## A core dump"];

    /// <summary>The sections whose commands are run.</summary>
    public static IEnumerable<string> Headings =>
        File.ReadLines(Path.Combine(Root, Page)).Where(line => line.StartsWith("## ", StringComparison.Ordinal) && !WithoutCommands.Contains(line));

    /// <summary>By heading, what the commands wrote.</summary>
    public Task<Dictionary<string, string>> SeenAsync() => _seen ??= RunAsync();

    /// <summary>Runs the commands of the page in one shell, as a reader does.</summary>
    private static async Task<Dictionary<string, string>> RunAsync()
    {
        var hasGdb = new FactIfInstalledAttribute("gdb") { AsRoot = true }.Skip is null;
        List<string> commands = ["set -euo pipefail", "exec 2>&1", "((EUID)) || sudo() { \"$@\"; }"];
        foreach (var heading in Headings.Where(heading => hasGdb || !WithGdb.Contains(heading)))
        {
            commands.Add($"echo '{heading}'");
            commands.Add(await ReadmeTests.CommandsAsync(heading, Page));
        }

        // A folder of its own: the user may keep symbols in artifacts, and a core dump has about 1 GB.
        var folder = Directory.CreateTempSubdirectory("hello-test-").FullName;
        try
        {
            var script = string.Join('\n', commands).Replace("artifacts/", $"{folder}/", StringComparison.Ordinal);
            var (exitCode, output, _) = await CommandLine.TryAsync(
                Cli.Wrap("bash").WithArguments(["-c", script]).WithWorkingDirectory(Root)
                    .WithEnvironmentVariables(e => e.Set("COMPOSE_PROJECT_NAME", Project).Set("PUBLISH_ADDRESS", "127.0.0.78")),
                TimeSpan.FromMinutes(10));
            Assert.True(exitCode == 0, $"The commands of {Page} ended with {exitCode}: {output}");
            const string label = $"label=com.docker.compose.project={Project}";
            Assert.Equal("", await CommandLine.DockerAsync("container", "ls", "--all", "--quiet", "--filter", label));
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder)); // the page removes what it made
            return $"\n{output}".Split("\n## ")[1..].ToDictionary(part => $"## {part.Split('\n')[0]}", part => $"{part}\n");
        }
        finally
        {
            await CommandLine.TryAsync("docker", "compose", "--project-name", Project, "down", "--remove-orphans");
            Directory.Delete(folder, recursive: true);
        }
    }
}
