namespace Hello.Tests;

/// <summary>The image for arm64, which this machine compiles on amd64 and emulates.</summary>
[Trait("Needs", "Engine")]
[Trait("Needs", "Emulation")]
[Collection(nameof(CompiledForArm64))]
public sealed class Arm64Tests(CompiledForArm64 compiled) : IAsyncLifetime
{
    private readonly ImageSpecification _image = HelloImages.Specification[^1] with { Resource = "test-arm64" };

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => CommandLine.TryAsync("docker", "image", "rm", "--force", _image.Reference);

    [FactIfInstalled(OnArm64 = true)]
    public async Task It_answers_and_sends_telemetry_as_its_user_with_least_privilege_and_ends_when_it_is_told_to()
    {
        await BuildAsync();
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        string[] options = ["--platform", "linux/arm64", .. HelloImage.LeastPrivilege, .. receiver.Options];
        await using var container = await PlainContainer.AnswerOnHostAsync(_image, options);
        Assert.Equal("", await CommandLine.DockerAsync("exec", container.Id, "/hello-api", "--health"));
        var exports = await receiver.WaitAsync(all => OtlpReceiver.Signals.All(signal => all.Any(export => export.Path == signal)));
        Assert.Equal(OtlpReceiver.Signals, exports.Select(export => export.Path).Distinct().Order());

        Assert.Equal("arm64", await CommandLine.DockerAsync("image", "inspect", "--format", "{{.Architecture}}", _image.Reference));
        var status = await File.ReadAllTextAsync($"/proc/{await InspectAsync("{{.State.Pid}}")}/status"); // proc_pid_status(5)
        string[] lines = ["Uid:\t10001\t10001\t10001\t10001\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n"];
        Assert.All(lines, line => Assert.Contains(line, status, StringComparison.Ordinal));
        var (_, _, error) = await CommandLine.TryAsync("docker", "cp", typeof(Arm64Tests).Assembly.Location, $"{container.Id}:/written");
        Assert.Contains("read-only", error, StringComparison.Ordinal);

        await CommandLine.DockerAsync("stop", "--time", "60", container.Id);
        Assert.Equal("0 false", await InspectAsync("{{.State.ExitCode}} {{.State.OOMKilled}}"));
        Assert.EndsWith("Application is shutting down...", await container.LogAsync(), StringComparison.Ordinal);

        Task<string> InspectAsync(string format) => CommandLine.DockerAsync("inspect", "--format", format, container.Id);
    }

    private async Task BuildAsync()
    {
        var root = RepositoryFolder.Find();
        var docker = Cli.Wrap(Path.Combine(root, "eng", "rehearsal", "docker"))
            .WithArguments(["build", "--file", Path.Combine(root, "Dockerfile-scratch-nonroot"), "--tag", _image.Reference, root])
            .WithEnvironmentVariables(variables => variables.Set("REHEARSAL_ARCHITECTURE", "arm64").Set("REHEARSAL_COMPILED", compiled.Folder));
        var (exitCode, output, error) = await CommandLine.TryAsync(docker, TimeSpan.FromMinutes(10));
        Assert.True(exitCode == 0, $"The build for arm64 ended with {exitCode}: {output}\n{error}");
    }
}

/// <summary>The binary for arm64, which takes a minute to compile. The tests that need it compile it once.</summary>
[CollectionDefinition(nameof(CompiledForArm64))]
public sealed class CompiledForArm64 : ICollectionFixture<CompiledForArm64>, IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("hello-test-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
