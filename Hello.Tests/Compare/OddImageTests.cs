using System.Runtime.InteropServices;

namespace Hello.Tests;

/// <summary>The command <c>compare</c> with odd images of strangers: each gets its figures, or the true reason in one line.</summary>
[Trait("Needs", "Engine")]
public sealed partial class OddImageTests : IAsyncLifetime
{
    private const string Secret = "s3cret-value";

    private const string NoDatabase = "echo loading >&2; sleep 1; echo the reason: no database; exit 5";

    private static readonly int FreePort = LocalPort.FindFree();

    /// <summary>The API on Alpine, and odd-server.cs beside it.</summary>
    private static readonly OddImage ServerBase = new("server", """
        FROM mcr.microsoft.com/dotnet/sdk:10.0-alpine AS build
        COPY odd-server.cs .
        RUN dotnet publish odd-server.cs --output /out
        FROM demo-app:0.1-alpine
        COPY --from=build /out /odd
        ENTRYPOINT ["dotnet", "/odd/odd-server.dll"]
        """);

    /// <summary>Those that cannot be measured. More time would not help them, so they get few seconds to the first answer.</summary>
    private static readonly OddImage[] Failing =
    [
        new("nobody", Dockerfile: null, "it is not on this machine"),
        new("no-program", OnScratch("ENTRYPOINT [\"/nope\"]"), "exec: \"/nope\": "),
        new("no-option", OnScratch(), "no-such-option", "--no-such-option"),
        new("wrong-path", OnScratch(), "/hello/nobody.*404") { Path = "/hello/nobody" },
        new("elsewhere", OnScratch("ENV ASPNETCORE_HTTP_PORTS=5000"), "port 5000"),
        new("silent", OnScratch("ENV ASPNETCORE_URLS=http://unix:/socket"), "does not listen on a port"),
        new("inside-ipv6", OnScratch("ENV ASPNETCORE_URLS=http://[::1]:8080"), "port 8080 of ::1 only", "--sysctl=net.ipv6.conf.all.disable_ipv6=0"),
        new("ends", OnScratch("ENV ASPNETCORE_HTTP_PORTS=web"), @"exit code 1\b.*Its last line is: "),
        new("tells-secret", Script("env; echo no entry with $DB_PASSWORD; exit 1"), @"exit code 1\b"),
        new("stderr-first", Script(NoDatabase), "exit code 5.*Its last line is: the reason: no database"),
        new("no-log", Script(NoDatabase), "exit code 5", "--log-driver=none"),
        new("tls", Server("tls"), "port 8080 speaks TLS"),
        new("http2", Server("http2"), "port 8080 speaks HTTP/2 only"),
        new("closes", Server("closes"), "port 8080 closes every connection"),
        new("banner", Server("banner"), "port 8080 does not answer with HTTP"),
        new("crash", Server("crash"), "exit code 4.*too many requests"),
        new("hungry", Server("hungry"), "memory.*killed|killed.*memory|more memory than its limit", "--memory=64m", "--memory-swap=64m"),
    ];

    /// <summary>Those that have figures. The line about one names its defect.</summary>
    private static readonly OddImage[] Measured =
    [
        new("slow", Server("slow")),
        new("late", Server("late")),
        new("other-port-first", Script("timeout 12 dotnet /odd/odd-server.dll hello 9001; exec dotnet Hello.Api.dll")),
        new("inside", OnScratch("ENV ASPNETCORE_URLS=http://127.0.0.1:8080"), @"port 8080 of 127\.0\.0\.1 only"),
        // Its init is the second process. AppArmor would not let it mount /proc.
        new("own-pids", Script("exec unshare --pid --fork --mount-proc dotnet Hello.Api.dll"), null,
            "--cap-add=SYS_ADMIN", "--security-opt=apparmor=unconfined"),
        new("volume", OnScratch("VOLUME /data"), null, "--name=hello-test-odd-mine", "--rm", "--publish=127.0.0.1:0:8080", "--hostname=odd"),
        new("restart", OnScratch(), null, "--detach", "--restart=always", "--network=none"),
    ];

    /// <summary>Those that have figures, or a line that names the option.</summary>
    private static readonly OddImage[] OfHost =
    [
        new("host-network", OnScratch($"ENV ASPNETCORE_HTTP_PORTS={FreePort}"), "--network=host", "--network=host") { Port = FreePort },
        new("host-pids", OnScratch(), "--pid=host", "--pid=host"),
    ];

    /// <summary>What the engine says about the way in which an image is measured. It is no reason why the image cannot be.</summary>
    private static readonly string[] FalseReasons =
        ["logging driver", "Unable to find image", "pull access denied", "is already in use", "Conflicting options"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    private static IEnumerable<OddImage> All => [.. Failing, .. Measured, .. OfHost];

    /// <summary>Builds the images.</summary>
    public async Task InitializeAsync()
    {
        await HelloApplication.BuildImagesAsync();
        await BuildAsync(ServerBase);
        await AtOnce.RunAsync(All.Where(image => image.Dockerfile is not null), BuildAsync);
    }

    public async Task DisposeAsync()
    {
        await CommandLine.TryAsync("docker", ["image", "rm", "--force", .. All.Append(ServerBase).Select(image => image.Tag)]);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Odd_images_get_their_figures_or_the_true_reason_in_one_line_and_nothing_is_left_behind()
    {
        var before = await ListAsync();
        using var engine = await FakeEngine.BeforeDockerAsync("");

        var results = await Task.WhenAll(CompareAsync(engine, timeout: 6, Failing), CompareAsync(engine, timeout: 60, [.. Measured, .. OfHost]));

        var (failing, measured) = (results[0], results[1]);
        Assert.All(Failing, failing.AssertLine);
        Assert.True(failing.Errors.Length == Failing.Length, string.Join('\n', failing.Errors));
        Assert.All(Measured, measured.AssertLine);
        Assert.All([.. Measured, .. OfHost.Where(image => measured.LinesAbout(image) is [])], measured.AssertFigures);
        Assert.All(OfHost.Where(image => measured.LinesAbout(image) is not []), measured.AssertLine);
        Assert.All([.. failing.Errors, .. measured.Errors], line =>
            Assert.All(FalseReasons, reason => Assert.DoesNotContain(reason, line, StringComparison.Ordinal)));
        Assert.InRange(measured.Table.Number(Figure.FirstHello, "late"), 12_000, 60_000); // ms
        Assert.InRange(measured.Table.Number(Figure.RequestsPerSecond, "slow"), 0, 50);
        Assert.Equal(2, measured.Table.Number(Figure.Processes, "own-pids"));
        Assert.InRange(measured.Table.Number(Figure.MemoryAfterStart, "own-pids"), 20, 999); // MB
        Assert.All([.. failing.Texts, .. measured.Texts], text => Assert.DoesNotContain(Secret, text, StringComparison.Ordinal));
        Assert.DoesNotContain(engine.Calls, Pull().IsMatch);
        Assert.Empty((await ListAsync()).Except(before));
    }

    /// <summary>Compares images. Each container gets the secret.</summary>
    private async Task<Result> CompareAsync(FakeEngine engine, int timeout, OddImage[] images)
    {
        var folder = _folder.CreateSubdirectory($"{timeout}");
        var list = Path.Combine(_folder.FullName, $"{timeout}.json");
        string[] variables = [$"DB_PASSWORD={Secret}"];
        await File.WriteAllTextAsync(list, JsonSerializer.Serialize(
            images.Select(image => new { image.Name, Image = image.Tag, image.Port, image.Path, image.RunArgs, Env = variables })));

        var (exitCode, output, error) = await CommandLine.TryAsync(
            CommandLine.Compare("--only", "--runs", "1", "--load", "200", "--timeout", $"{timeout}", "--output", folder.FullName, "--images", list)
                .WithEnvironmentVariables(new Dictionary<string, string?>(engine.Environment)
                {
                    // Images of this machine are measured, whatever platform the user pulls from elsewhere.
                    ["DOCKER_DEFAULT_PLATFORM"] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "linux/amd64" : "linux/arm64",
                }),
            TimeSpan.FromMinutes(8));

        Assert.True(exitCode == 1, error);
        return new(
            [output, error, .. folder.EnumerateFiles().Select(file => File.ReadAllText(file.FullName))],
            [.. error.Split('\n').Where(line => line.StartsWith("error: ", StringComparison.Ordinal))],
            new(await File.ReadAllTextAsync(Path.Combine(folder.FullName, "comparison.md"))));
    }

    /// <summary>What a comparison may leave behind: its images and containers, those of these images, and volumes without a name.</summary>
    private static async Task<string[]> ListAsync() =>
    [
        .. await EngineContents.ListOfComparisonsAsync(All.Select(image => $"-{image.Name}")),
        .. await LinesAsync(
            ["container", "ls", "--all", "--format", "{{.Names}}", .. All.SelectMany(image => new[] { "--filter", $"ancestor={image.Tag}" })]),
        .. (await LinesAsync("volume", "ls", "--quiet")).Where(name => name.Length == 64),
    ];

    private static async Task<string[]> LinesAsync(params string[] arguments) =>
        (await CommandLine.DockerAsync(arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task BuildAsync(OddImage image)
    {
        var dockerfile = Path.Combine(_folder.FullName, image.Name);
        await File.WriteAllTextAsync(dockerfile, image.Dockerfile);
        await CommandLine.DockerAsync(
            "build", "--quiet", "--file", dockerfile, "--tag", image.Tag, Path.Combine(RepositoryFolder.Find(), "Hello.Tests", "Compare"));
    }

    /// <summary>Its label makes it another image than that of the API, whose containers are not ours.</summary>
    private static string OnScratch(string line = "") => $"FROM demo-app:0.1-scratch\nLABEL odd=true\n{line}\n";

    private static string Script(string script) => $"FROM {ServerBase.Tag}\nENTRYPOINT {script}\n";

    private static string Server(string behaviour) => $"FROM {ServerBase.Tag}\nCMD [\"{behaviour}\"]\n";

    [GeneratedRegex("^(image )?pull |(run|create) .*:nobody")]
    private static partial Regex Pull();

    /// <param name="Dockerfile">Null if nobody builds the image.</param>
    /// <param name="Line">A pattern for the line about it; null if there is none.</param>
    /// <param name="RunArgs">The options of <c>docker run</c>.</param>
    private sealed record OddImage(string Name, string? Dockerfile, string? Line = null, params string[] RunArgs)
    {
        public int Port { get; init; } = 8080;

        public string Path { get; init; } = "/hello";

        public string Tag => $"hello-test-odd:{Name}";

        public override string ToString() => Name;
    }

    /// <param name="Texts">All that the program has written.</param>
    /// <param name="Errors">The lines about images.</param>
    private sealed record Result(string[] Texts, string[] Errors, ComparisonCells Table)
    {
        public string[] LinesAbout(OddImage image) =>
            [.. Errors.Where(line => Regex.IsMatch(line, $"^error: {image.Name}( could not be measured)?: "))];

        public void AssertLine(OddImage image)
        {
            var lines = LinesAbout(image);
            Assert.True(image.Line is null ? lines is [] : lines is [var line] && Regex.IsMatch(line, image.Line), string.Join('\n', lines));
        }

        public void AssertFigures(OddImage image) => Assert.Equal([Figure.BuildTime.Name], Table.Missing(image.Name));
    }
}
