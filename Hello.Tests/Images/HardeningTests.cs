namespace Hello.Tests;

/// <summary>What an attacker who has taken over the process can do: attacks on the containers of the application.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class HardeningTests(HelloApplication hello)
{
    /// <summary>The folders that programs usually write to, and those that every container has.</summary>
    private static readonly string[] Places =
    [
        "/", "/dev", "/dev/shm", "/dev/mqueue", "/dev/pts", "/etc", "/home", "/mnt", "/opt", "/proc", "/proc/sys", "/root", "/run", "/run/lock",
        "/srv", "/sys", "/sys/fs/cgroup", "/tmp", "/usr", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp",
    ];

    private static readonly string[] Files =
        ["/hello-api", "/etc/passwd", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname"];

    private static readonly ImageSpecification Alpine = HelloImages.Specification[0];

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task The_process_is_the_promised_user_without_any_capability_or_a_way_to_gain_one(ImageSpecification image)
    {
        var status = await StatusAsync(image);

        Assert.Equal(Repeat(image.Uid), status["Uid"]); // real, effective, saved, of the file system
        Assert.Equal(Repeat(image.Uid), status["Gid"]);
        Assert.True(status["Groups"] is "" || status["Groups"] == $"{image.Uid}", $"It has other groups than its own: {status["Groups"]}");
        Assert.All(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], set => Assert.Equal((set, 0UL), (set, Capabilities(status[set]))));
        Assert.Equal("1", status["NoNewPrivs"]);
        Assert.Equal("2", status["Seccomp"]); // a filter: seccomp(2)

        static string Repeat(int id) => string.Join('\t', Enumerable.Repeat(id, 4));
    }

    [Fact]
    public async Task Alpine_is_root_with_the_engines_capabilities_for_comparison()
    {
        var status = await StatusAsync(Alpine);

        Assert.StartsWith("0\t0\t", status["Uid"], StringComparison.Ordinal);
        Assert.NotEqual(0UL, Capabilities(status["CapEff"]));
        Assert.Equal("0", status["NoNewPrivs"]);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Nothing_can_be_written_anywhere(ImageSpecification image)
    {
        var written = await AttackAsync(image, $"""
            cd /proc/1/root || echo no way in
            for place in {string.Join(' ', Places)}; do (: > /proc/1/root$place/.attack) 2>/dev/null && echo $place; done
            for file in {string.Join(' ', Files)}; do (: >> /proc/1/root$file) 2>/dev/null && echo $file; done
            true
            """);

        Assert.Equal("", written);
    }

    /// <summary>Otherwise nobody would know whether the attack above can succeed at all.</summary>
    [Fact]
    public async Task In_alpine_the_same_attack_writes_a_file()
    {
        var written = await AttackAsync(Alpine, "(: > /proc/1/root/tmp/.attack) && echo written; rm -f /proc/1/root/tmp/.attack");

        Assert.Equal("written", written);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public Task Nothing_but_the_binary_can_be_executed(ImageSpecification image) => AtOnce.RunAsync(
        ["sh", "/bin/sh", "bash", "ls", "busybox", "wget", "/etc/passwd", "/etc/hosts", "/proc/self/fd/1"],
        async command =>
        {
            var (exitCode, _, error) = await CommandLine.TryAsync("docker", "exec", hello.ContainerId(image), command);

            Assert.True(exitCode is 126 or 127, $"'{command}' ended with {exitCode}: {error}"); // the exit codes for a command that does not exist
        });

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task The_environment_holds_the_variables_of_the_engine_and_of_telemetry_only(ImageSpecification image)
    {
        var names = (await AttackAsync(image, "tr '\\0' '\\n' < /proc/1/environ | cut -d= -f1")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT", names);
        Assert.All(names, name => Assert.Matches("^(PATH|HOSTNAME|HOME|OTEL_.*)$", name));
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Memory_and_processes_are_limited(ImageSpecification image)
    {
        const string format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}";
        var limits = await CommandLine.DockerAsync("inspect", "--format", format, hello.ContainerId(image));

        Assert.All(limits.Split(' '), limit => Assert.True(long.TryParse(limit, CultureInfo.InvariantCulture, out var number) && number > 0, limits));
    }

    private static ulong Capabilities(string set) => ulong.Parse(set, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>What the host's kernel says of the container's process: proc_pid_status(5).</summary>
    private async Task<Dictionary<string, string>> StatusAsync(ImageSpecification image)
    {
        var process = await CommandLine.DockerAsync("inspect", "--format", "{{.State.Pid}}", hello.ContainerId(image));
        return (await File.ReadAllLinesAsync($"/proc/{process}/status")).Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
    }

    /// <summary>
    /// Runs a script beside the container's process, as the same user with the same rights: it does what the process could do with
    /// a shell. Its root is <c>/proc/1/root</c>.
    /// </summary>
    private async Task<string> AttackAsync(ImageSpecification image, string script)
    {
        string[] rights = image.Files is null ? [] : ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
        string[] place = ["--network", "none", "--pid", $"container:{hello.ContainerId(image)}", "--user", $"{image.Uid}:{image.Uid}"];
        return await CommandLine.DockerAsync(["run", "--rm", .. place, .. rights, "--entrypoint", "sh", Alpine.Reference, "-c", script]);
    }
}
