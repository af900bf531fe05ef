namespace Hello.Tests;

/// <summary>Base images from a registry that asks for a login: Debian's, on a port of loopback, where the engine needs no TLS.</summary>
[Trait("Needs", "Engine")]
public sealed class RegistryTests : IAsyncLifetime
{
    private static readonly string Root = RepositoryFolder.Find();

    /// <summary>The base images of the Dockerfiles: <c>FROM ${REGISTRY}/dotnet/sdk:10.0-alpine AS build</c>.</summary>
    private static readonly string[] BaseImages =
    [
        .. Directory.GetFiles(Root, "Dockerfile-*")
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), @"(?<=FROM \$\{REGISTRY\}/)\S+").Select(name => name.Value))
            .Distinct().Order(StringComparer.Ordinal),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("hello-test-").FullName;
    private readonly string _registry = $"127.0.0.1:{LocalPort.FindFree()}";
    private readonly List<string> _tags = [];
    private Func<ValueTask>? _stop;

    private string LoggedIn => $$"""{ "auths": { "{{_registry}}": { "auth": "{{Convert.ToBase64String("ada:hello"u8)}}" } } }""";

    /// <summary>Starts the registry for one account, and logs in.</summary>
    public async Task InitializeAsync()
    {
        var configuration = Path.Combine(_folder, "registry.yml");
        await File.WriteAllTextAsync(Path.Combine(_folder, "passwords"), "ada:$2b$04$ss6nkNYOAEkEBKpb3lVlcOrrw9EqdVzkclPizJp0W0g6MSTgsyjuK");
        await File.WriteAllTextAsync(configuration, $$"""
            version: 0.1
            storage: { filesystem: { rootdirectory: {{_folder}} } }
            http: { addr: "{{_registry}}" }
            auth: { htpasswd: { realm: test, path: {{_folder}}/passwords } }
            """);
        var program = new RunningProgram(Cli.Wrap("docker-registry").WithArguments(["serve", configuration]));
        _stop = program.DisposeAsync;
        await program.WaitForLineAsync(line => line.Contains("listening on", StringComparison.Ordinal), TimeSpan.FromMinutes(1));
        await File.WriteAllTextAsync($"{_folder}/config.json", LoggedIn);
    }

    public async Task DisposeAsync()
    {
        await _stop!();
        await CommandLine.TryAsync("docker", ["image", "rm", "--force", .. _tags]);
        Directory.Delete(_folder, recursive: true);
    }

    [FactIfInstalled("docker-registry")]
    public async Task Every_build_takes_its_base_images_from_any_registry_that_has_them()
    {
        await PushAsync(BaseImages, name => $"FROM mcr.microsoft.com/{name}");
        var command = await ReadmeTests.CommandsAsync("## From another registry", "docs/offline.md");
        foreach (var image in HelloImages.Specification)
        {
            var built = image with { Resource = $"test-registry-{image.Resource}" };
            _tags.Add(built.Reference);
            var build = command.Replace("127.0.0.1:5000", _registry, StringComparison.Ordinal)
                .Replace("demo-app:0.1-scratch", built.Reference, StringComparison.Ordinal)
                .Replace("Dockerfile-scratch", $"Dockerfile-{image.Resource}", StringComparison.Ordinal);
            await DockerAsync("", build.Split(' ')[1..]);

            await using var container = await PlainContainer.RunAsync(built);
            await container.AssertAnswersAsync();
        }
    }

    [FactIfInstalled("docker-registry")]
    public async Task Setup_replaces_stand_ins_as_soon_as_the_registry_lets_this_user_have_the_images()
    {
        string[] images = ["azurelinux/base/core:3.0", .. BaseImages];
        await PushAsync(images, name => $"FROM scratch\nLABEL io.hello.stand-in=false name={name}");
        foreach (var image in images)
        {
            await DockerAsync($"FROM scratch\nLABEL io.hello.stand-in=true name={image}", "build", "--tag", $"{_registry}/{image}", "-");
        }

        await CommandLine.RunAsync("bash", "-c", $"cd '{_folder}' && cp -r '{Root}'/{{Dockerfile-*,eng,global.json}} . && "
            + $"sed -i 's|mcr.microsoft.com|{_registry}|' Dockerfile-* eng/setup.sh");
        foreach (var (configuration, expected) in ((string, string)[])
        [
            ("{}", $"eng/setup.sh: base images: {_registry} asks for a login. Run: docker login {_registry}"),
            ("""{ "credsStore": "missing" }""", $"eng/setup.sh: base images: the docker client cannot get credentials for {_registry}: "
                + "'exec: \"docker-credential-missing\": executable file not found in $PATH, out: ``'. "
                + $"Remove credsStore from {_folder}/config.json, or run: export DOCKER_CONFIG=$(mktemp -d)"),
            (LoggedIn, string.Join('\n', images.Select(image => $"pulling {_registry}/{image} ..."))
                + $"\ntook from the registry, in place of stand-ins: {string.Join(' ', images.Select(image => $"{_registry}/{image}"))}"),
            (LoggedIn, ""),
        ])
        {
            await File.WriteAllTextAsync($"{_folder}/config.json", configuration);
            var (exitCode, output, error) = await CommandLine.TryAsync("env", $"DOCKER_CONFIG={_folder}", $"{_folder}/eng/setup.sh");
            Assert.True((exitCode == 0, output + error) == (error.Length == 0, expected), $"Expected: {expected}\nSeen: {exitCode} {output}{error}");
        }
    }

    /// <summary>Builds images and pushes them. The engine then has no tag of theirs.</summary>
    private async Task PushAsync(string[] names, Func<string, string> dockerfile)
    {
        foreach (var name in names)
        {
            var tag = $"{_registry}/{name}";
            _tags.Add(tag);
            await DockerAsync(dockerfile(name), "build", "--tag", tag, "-");
            await DockerAsync("", "push", tag);
            await DockerAsync("", "image", "rm", tag);
        }
    }

    private async Task DockerAsync(string input, params string[] arguments)
    {
        var docker = Cli.Wrap("docker").WithArguments(["--config", _folder, .. arguments]).WithWorkingDirectory(Root);
        var result = await CommandLine.TryAsync(docker.WithStandardInputPipe(PipeSource.FromString(input)), TimeSpan.FromMinutes(10));
        Assert.True(result.ExitCode == 0, $"{docker}: {result}");
    }
}
