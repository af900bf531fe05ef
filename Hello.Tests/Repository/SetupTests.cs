using System.Runtime.Versioning;

namespace Hello.Tests;

/// <summary>
/// eng/setup.sh on machines of many kinds. Scripts take the place of docker, dotnet and everything that changes a machine. No engine
/// is asked. The user is not root: if the tests run as root, the script runs as nobody.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class SetupTests : IDisposable
{
    private const string Ready = """
          --version) echo 'Docker version 28.2.2, build e6534b4' ;;
          'context inspect --format {{.Endpoints.docker.Host}}') echo "${DOCKER_HOST:-unix:///var/run/docker.sock}" ;;
          'buildx version') echo 'github.com/docker/buildx v0.24.0' ;;
          'buildx inspect') printf 'Name:   default\nDriver: docker\n' ;;
          'version --format '*) echo '28.2.2 Engine containerd runc docker-init' ;;
          'image inspect '*) echo ' ' ;;
        """;

    private const string NoEngine =
        "'version --format '*) echo; echo \"Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\" >&2; exit 1 ;;";

    private const string NotInGroup =
        "'version --format '*) echo; echo 'permission denied while trying to connect to the Docker daemon socket at unix:///x' >&2; exit 1 ;;";

    private const string AskRoot = "Only root can install it. Run: sudo env \"PATH=$PATH\" eng/setup.sh";

    /// <summary>The programs that the script may use where nothing is installed.</summary>
    private static readonly string[] Tools =
    [
        "awk", "bash", "cat", "cut", "dirname", "env", "flock", "grep", "head", "id", "mkdir", "mktemp", "rm", "sed", "sha256sum", "sleep", "sort",
        "tail", "timeout", "uname",
    ];

    private static readonly string[] Changing = ["apt-cache", "apt-get", "dockerd", "dpkg", "systemctl", "usermod"];

    private readonly string _folder = Directory.CreateTempSubdirectory("hello-test-").FullName;

    /// <summary>Lays out a copy of what the script reads, and the programs of a machine that is ready.</summary>
    public SetupTests()
    {
        var root = RepositoryFolder.Find();
        string[] files = [.. Directory.GetFiles(root, "Dockerfile-*"), .. Directory.GetFiles(Path.Combine(root, "eng", "base-images"))];
        string[] others = [".ci/run", "eng/setup.sh", "deploy/compose.yaml", "global.json"];
        foreach (var file in files.Concat(others.Select(file => Path.Combine(root, file))))
        {
            var copy = Path.Combine(_folder, "repository", Path.GetRelativePath(root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (var folder in (string[])["home", "tmp", "aliased", "unreadable", "busybox", "gnu", "bin"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, folder));
        }

        File.WriteAllText(Path.Combine(_folder, "aliased", "config.json"), """{ "aliases": { "builder": "buildx" } }""");
        File.WriteAllText(Log, "");
        AddProgram("dotnet", "echo 10.0.100");
        AddProgram("sudo", "exit 1");
        AddProgram("podman", "echo podman version 4.3.1");
        AddDocker("");
        foreach (var program in Changing)
        {
            AddProgram(program, $"echo \"$0 $*\" >> {Log}");
        }

        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(Path.Combine(_folder, "unreadable"), UnixFileMode.None);
        foreach (var path in (string[])[Log, Path.Combine(_folder, "home"), Path.Combine(_folder, "tmp")])
        {
            File.SetUnixFileMode(path, (UnixFileMode)0b111_111_111);
        }
    }

    private string Log => Path.Combine(_folder, "changes");

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory.Delete(Path.Combine(_folder, "unreadable")); // it is empty, and only root could list it
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>
    /// Machines, each with the line that refuses it or reports on it: the environment and options, what is missing, what docker answers in place
    /// of the usual, and parts of the line. A machine that is ready brings no word. Six seconds of this test are thirty of the script.
    /// </summary>
    public static TheoryData<string, string, string, string> Machines => new()
    {
        { "", "", "", "" },
        { "LANG=tr_TR.UTF-8 LANGUAGE=tr DOTNET_CLI_UI_LANGUAGE=tr CDPATH=/usr:/ TMPDIR= XDG_CACHE_HOME=relative", "", "", "" },
        { "DOCKER_HOST=unix:///run/user/1000/docker.sock", "", "", "" },
        // Without these variables, docker is as it is on other machines.
        { string.Join(' ', PersonEnvironment.OfClient.Select(variable => $"{variable.Name}={variable.Value}")), "",
            $"$(env | grep -qE '^({string.Join('|', PersonEnvironment.OfClient.Select(variable => variable.Name))})=' && echo '*')) exit 1 ;;", "" },
        { "DOCKER_HOST=tcp://127.0.0.1:2375 ASPIRE_CONTAINER_RUNTIME=docker", "", "", "" },
        { "HOME=/nonexistent XDG_CACHE_HOME={0}/home DOTNET_CLI_HOME={0}/home", "", "", "" },
        // Folders and the SDK
        { "HOME=relative", "", "", "the home folder 'relative' is not an absolute path. Run: export HOME=" },
        { "HOME=/proc", "", "", "the home folder '/proc' cannot be written to by user {1}. Run: export HOME=" },
        { "TMPDIR={0}/missing", "", "", "the folder for temporary files, '{0}/missing', is not a folder. Run: unset TMPDIR" },
        { "XDG_CACHE_HOME=/proc/1", "", "", "user {1} cannot write to /proc/1/hello. Run: unset XDG_CACHE_HOME" },
        { "", "Hello.Api/obj", "", "user {1} cannot write to {0}/repository/Hello.Api/obj, because another user built there. Run: " },
        { "", "dotnet", "", ".NET SDK 10.0.100 or newer, because there is no dotnet in PATH. Install it from https://|dotnet-install.sh | bash" },
        { "SUDO_USER=ada", "dotnet", "", ".NET SDK 10.0.100 or newer|If ada has one, run: sudo env \"PATH=$PATH\" eng/setup.sh" },
        // The client
        { "", "docker", "", "{2}podman is installed|install Docker beside podman with: ASPIRE_CONTAINER_RUNTIME=docker eng/setup.sh" },
        { "DOTNET_ASPIRE_CONTAINER_RUNTIME=podman", "docker", "", "{2}the environment asks for podman|unset ASPIRE_CONTAINER_RUNTIME DOTNET_" },
        { "", "podman docker", "", $"{{2}}no docker client is installed. {AskRoot}" },
        { "", "podman docker apt-get", "", "{2}no docker client is installed. There is no apt-get to install it with. Install Docker Engine 25" },
        { "", "", "--version) echo 'podman version 4.3.1' ;;", "{2}{0}/bin/docker is not Docker's|Run: sudo apt-get remove podman-docker" },
        { "", "", "--version) echo 'nerdctl version 1.7.6' ;;", "{2}{0}/bin/docker is not Docker's|Run: sudo rm {0}/bin/docker" },
        { "", "", "--version) echo 'Docker version 20.10.24+dfsg1, build 297e128' ;;",
            "{2}the docker client at {0}/bin/docker is older than 25. Run: sudo rm {0}/bin/docker, then run eng/setup.sh again" },
        { "", "", "'buildx version') exit 1 ;;", $"{{2}}the docker client has no buildx plugin. {AskRoot}" },
        { "DOCKER_CONFIG={0}/unreadable", "", "", "{2}user {1} cannot read {0}/unreadable|Run: sudo chown -R {1} {0}/unreadable" },
        // An engine elsewhere
        { "DOCKER_CONTEXT=nope", "", "context*) echo; echo 'context \"nope\": not found' >&2; exit 1 ;;",
            "{2}the docker client says 'context \"nope\": not found'. Run: unset DOCKER_CONTEXT" },
        { "DOCKER_HOST=foo://ada:secret@far", "", "context*) echo 'invalid bind address format: foo://ada:secret@far' >&2; exit 1 ;;",
            "{2}the docker client says 'invalid bind address format: foo://far'. Run: unset DOCKER_HOST" },
        { "DOCKER_HOST=tcp://localhost.far:2375 DOCKER_CONTEXT=far", "", "",
            "{2}the docker client uses tcp://localhost.far:2375, but|Run: unset DOCKER_HOST DOCKER_CONTEXT" },
        { "", "", "context*) echo ssh://ada:secret@far ;;", "{2}the docker client uses ssh://far, but|Run: docker context use default" },
        // An engine that does not answer, or may not be used
        { "DOCKER_HOST=unix:///nope", "", NoEngine, "{2}none answers at unix:///nope. Start that engine, or run: unset DOCKER_HOST" },
        { "", "", $"context*) echo unix:///x/docker.sock ;; {NoEngine}", "{2}none answers at unix:///x/docker.sock|run: docker context use default" },
        { "DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/nope", "", "'version --format '*) echo 'open /nope/ca.pem: no such file' >&2; exit 1 ;;",
            "{2}the docker client says 'open /nope/ca.pem: no such file'|run: unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH" },
        { "", "dockerd", NoEngine, $"{{2}}none answers at unix:///var/run/docker.sock. {AskRoot}" },
        { "DOCKER_HOST=unix:///run/x.sock", "", NotInGroup, "{2}user {1} may not use the engine at unix:///run/x.sock. Run: unset DOCKER_HOST" },
        { "", "", NotInGroup, "{2}user {1} may not use the engine|Run: sudo usermod -aG docker {1}, then log in again" },
        { "", "sudo", NotInGroup, "{2}user {1} may not use the engine|Run as root: usermod -aG docker {1}, then log in again" },
        { "", "", "'version --format '*) echo '4.3.1 Podman Engine Conmon' ;;",
            "{2}podman answers at unix:///var/run/docker.sock|Run: sudo systemctl disable --now podman.socket, then run eng/setup.sh again" },
        // A builder elsewhere
        { "DOCKER_CONFIG={0}/aliased", "", "'buildx inspect') printf 'Name:   multi\\nDriver: docker-container\\n' ;;",
            "{2}docker build uses the builder that docker buildx use selected, not the engine's own|Run: docker buildx uninstall" },
        // The base images
        { "", "apt-get", Pull(""), "eng/base-images/build.sh: stand-ins need Debian packages, but this system has no apt-get." },
        { "SSL_CERT_FILE=/nope", "", Pull(""), "eng/base-images/build.sh: cannot read the certificates in /nope. Run: unset SSL_CERT_FILE" },
        { "--check", "", Pull("echo 'not found: manifest unknown'"), "ready:   base images: on this machine, or docker" },
        { "--check", "", Pull("echo 'failed to resolve reference \"x.y/a\": not found'"), "ready:   base images: on this machine, or docker" },
        { "--check", "", Pull("sleep 2; echo 'manifest unknown'"), "ready:   base images: on this machine, or docker" },
        { "--check", "", Pull("exec sleep 60"), "missing: base images: the registry cannot be reached" },
        { "--check", "", Pull("echo 'dial tcp: lookup mcr.microsoft.com: no such host'"), "missing: base images: the registry cannot be reached" },
        { "--check", "", NoEngine, "missing: base images: unknown without a container engine" }, // the registry is not the cause
        // The tools that only tests need. The machine has some of them where only root has them in PATH
        { "--tests", "", "compose*) exit 1 ;;", $"going on without tools of the tests: docker-compose chromium docker-registry|. {AskRoot} --tests" },
        { "--tests", "apt-get", "compose*) exit 1 ;;", "going on|There is no apt-get to install it with. Tests that need one of them are skipped" },
    };

    [TheoryOnLinux]
    [MemberData(nameof(Machines))]
    public Task A_line_says_what_is_missing_and_the_command_that_mends_it(string environment, string missing, string docker, string line) =>
        WithEachToolsAsync(async path =>
        {
            AddProgram("timeout", $"limit=$(($1 / 5)); shift; exec {Find("timeout")} $limit \"$@\"");
            AddDocker(docker);
            Remove(missing);

            AssertSays(line, environment, await SetupAsync(path, environment));
            if (path == "gnu" && !Regex.IsMatch($"{environment} {line}", "--|XDG_|eng/base-images")) // BusyBox's tools give the same answers
            {
                AssertSays(line, "--check", await SetupAsync(path, $"{environment} --check"));
                if (line.StartsWith("{2}", StringComparison.Ordinal) && !Regex.IsMatch(line, @"sudo|root|\{1\}"))
                {
                    AssertSays(line, environment, await RunAsync(SetupCommand(path, environment))); // root, who could install a lot
                }
            }
        });

    [FactOnLinux]
    public async Task The_gate_counts_in_every_language_and_repeats_why_a_test_failed()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "repository", "eng", "setup.sh"), "#!/bin/sh\n");
        AddProgram("dotnet", """
            if [ "$DOTNET_CLI_UI_LANGUAGE" = en ]; then
              printf '  Failed A.B [1 s]\n  Error Message:\n   It is blue.\n  Stack Trace:\n   at A.B()\n  Passed A.C [1 s]\n'
              printf 'Total tests: 3\n     Passed: 2\n     Failed: 1\n'
            else
              printf 'Gesamtzahl Tests: 3\n     Bestanden: 2\n     Fehler: 1\n'
            fi
            exit 1
            """);

        string[] environment = ["LANG=de_DE.UTF-8", "DOTNET_CLI_UI_LANGUAGE=fr", $"PATH={_folder}/bin:{Environment.GetEnvironmentVariable("PATH")}"];
        var (exitCode, output, _) = await CommandLine.TryAsync("env", [.. environment, Path.Combine(_folder, "repository", ".ci", "run")]);

        Assert.Equal(1, exitCode);
        const string end = "     Failed: 1\n  Failed A.B [1 s]\n  Error Message:\n   It is blue.\n  Stack Trace:\n2 passed, 1 failed";
        Assert.EndsWith(end, output, StringComparison.Ordinal);
    }

    private static string[] AsNobody => Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

    private static string UserName => Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName;

    /// <summary>A docker that has no base images and reaches no registry, and what the engine does when it is asked for a tag.</summary>
    private static string Pull(string script) =>
        $"'image inspect '* | 'buildx imagetools inspect '*) exit 1 ;;\n'pull '*:no-such-tag) {script}\nexit 1 ;;";

    /// <summary>Fails unless a run has written a line with these parts, and no other one except in a report, and has changed nothing.</summary>
    private void AssertSays(string parts, string environment, ProgramResult result)
    {
        string[] expected = parts.Replace("{0}", _folder, StringComparison.Ordinal).Replace("{1}", UserName, StringComparison.Ordinal)
            .Replace("{2}", "container engine: ", StringComparison.Ordinal).Split('|');
        var lines = $"{result.Output}\n{result.Error}".Trim().Split('\n');
        var isSaid = lines.Any(line => expected.All(line.Contains)) && (lines.Length == 1 || environment == "--check");
        var isRight = isSaid && (result.ExitCode == 0) == Regex.IsMatch(parts, "^(ready|going on|$)");
        Assert.True(isRight, $"Expected: {string.Join("…", expected)}\nSeen: {result}");
        Assert.Empty(File.ReadAllText(Log));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_folder, "tmp")));
    }

    /// <summary>Does it with GNU's tools in PATH, then with BusyBox's if this machine has them.</summary>
    private async Task WithEachToolsAsync(Func<string, Task> test)
    {
        var busybox = Find("busybox");
        string[] applets = busybox is null ? [] : (await CommandLine.RunAsync(busybox, "--list")).Split('\n');
        foreach (var folder in busybox is null ? (string[])["gnu"] : ["gnu", "busybox"])
        {
            foreach (var tool in Tools)
            {
                File.CreateSymbolicLink(Path.Combine(_folder, folder, tool), folder == "busybox" && applets.Contains(tool) ? busybox! : Find(tool)!);
            }

            await test(folder);
        }
    }

    private static string? Find(string program) => ((string[])["/usr/bin", "/bin"]).Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists);

    /// <summary>Runs the script as a user who is not root.</summary>
    private Task<ProgramResult> SetupAsync(string tools, string environment) => RunAsync([.. AsNobody, .. SetupCommand(tools, environment)]);

    private Task<ProgramResult> RunAsync(string[] command) =>
        CommandLine.TryAsync(Cli.Wrap(command[0]).WithArguments(command[1..]).WithWorkingDirectory(Path.Combine(_folder, "repository")));

    /// <summary>The script without any of this process's variables.</summary>
    /// <param name="tools">The folder of tools in PATH.</param>
    /// <param name="environment">Variables, and options of the script.</param>
    private string[] SetupCommand(string tools, string environment)
    {
        var words = environment.Replace("{0}", _folder, StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] options = [.. words.Where(word => word.StartsWith("--", StringComparison.Ordinal))];
        string[] given = [$"HOME={_folder}/home", $"TMPDIR={_folder}/tmp", .. words.Except(options), $"PATH={_folder}/bin:{_folder}/{tools}"];
        return ["env", "-i", .. given, "eng/setup.sh", .. options];
    }

    /// <summary>Puts a script in place of <c>docker</c>. It writes a command that it does not know to the log.</summary>
    private void AddDocker(string answers) =>
        AddProgram("docker", $"case \"$*\" in\n{answers}\n{Ready}\n*) echo \"docker $*\" >> {Log}; exit 1 ;;\nesac");

    private void AddProgram(string name, string script)
    {
        var path = Path.Combine(_folder, "bin", name);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
    }

    /// <param name="names">Programs, and folders that only another user can write to.</param>
    private void Remove(string names)
    {
        foreach (var name in names.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            File.Delete(Path.Combine(_folder, "bin", name.Split('/')[0]));
            if (name.Contains('/'))
            {
                Directory.CreateDirectory(Path.Combine(_folder, "repository", name), (UnixFileMode)0b101_101_101);
            }
        }
    }
}
