using System.Net.Sockets;
using Hello.Compare.Comparison;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Hello.Compare.Load;

namespace Hello.Tests;

/// <summary>Engines and their clients as people have them, with a script in place of the client.</summary>
public sealed class ContainerEngineTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(null, "")]
    [InlineData(null, "ASPIRE_CONTAINER_RUNTIME=")]
    [InlineData(null, "ASPIRE_CONTAINER_RUNTIME=   ")]
    [InlineData("podman", "ASPIRE_CONTAINER_RUNTIME=podman")]
    [InlineData("docker", "ASPIRE_CONTAINER_RUNTIME= Docker ")]
    [InlineData("podman", "ASPIRE_CONTAINER_RUNTIME=", "DOTNET_ASPIRE_CONTAINER_RUNTIME=podman")]
    [InlineData("docker", "ASPIRE_CONTAINER_RUNTIME=docker", "DOTNET_ASPIRE_CONTAINER_RUNTIME=podman")]
    [InlineData("podman", "DcpPublisher:ContainerRuntime=podman", "ASPIRE_CONTAINER_RUNTIME=docker")]
    [InlineData("docker", "DcpPublisher:ContainerRuntime=", "ASPIRE_CONTAINER_RUNTIME=docker")]
    public void The_first_setting_that_has_a_value_names_the_engine(string? name, params string[] settings) => Assert.Equal(name, FindName(settings));

    [Theory]
    [InlineData("ASPIRE_CONTAINER_RUNTIME", "containerd")]
    [InlineData("DOTNET_ASPIRE_CONTAINER_RUNTIME", "/usr/bin/docker")]
    [InlineData("DcpPublisher:ContainerRuntime", "docker podman")]
    public void A_setting_that_names_no_known_engine_is_one_line(string setting, string value) => Assert.Equal(
        $"{setting} is '{value}', which is no known container engine. Set it to docker or podman, or remove it.",
        Assert.Throws<MeasurementException>(() => FindName($"{setting}={value}")).Message);

    [Theory]
    [InlineData("ERROR: failed to solve: no space left on device", "ERROR: failed to solve: no space left on device\n\nView build details: docker-desktop://dashboard/build/default/x")]
    [InlineData("ERROR: failed to solve: a", "#5 ERROR: a\n------\n > [2/2] RUN false:\n------\nERROR: failed to solve: a\n\nWhat's next:\n    Debug this build failure with Gordon → docker ai \"help me\"")]
    [InlineData("docker: Error response from daemon: pull access denied", "Unable to find image 'x' locally\ndocker: Error response from daemon: pull access denied\n\nRun 'docker run --help' for more information")]
    [InlineData("error during connect: dial tcp: lookup far: no such host", "error during connect: dial tcp: lookup far: no such host\nIs it on?\r\n")]
    [InlineData("Error: demo:1: image not known", "time=\"2026-01-01\" level=warning msg=\"old\"\nError: demo:1: image not known\nTip: list them")]
    [InlineData("unknown flag: --fast", "unknown flag: --fast\n\nUsage:  docker build [OPTIONS]\n\nRun 'docker build --help' for more information")]
    [InlineData("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\nSee https://docs.docker.com/go/start/")]
    [InlineData("permission denied while trying to connect", "WARNING: config.json is old\npermission denied while trying to connect\n\nLearn more: https://docs.docker.com/")]
    [InlineData("it broke", "first\nit broke")]
    [InlineData("said elsewhere", "", "said elsewhere\n")]
    [InlineData("Error: mine", "Error: mine", "Error: of the program in the container")]
    [InlineData("it wrote nothing", " \n", "")]
    public void The_reason_is_the_line_that_says_it_not_the_hint_behind_it(string reason, string error, string output = "") =>
        Assert.Equal(reason, new ProgramResult(1, output, error).Reason);

    [Theory]
    [InlineData(null, "unix:///var/run/docker.sock")]
    [InlineData(null, "npipe:////./pipe/docker_engine")]
    [InlineData(null, "tcp://127.0.0.1:2375")]
    [InlineData(null, "tcp://[::1]:2375")]
    [InlineData(null, "ssh://core@localhost:40123/run/podman/podman.sock")]
    [InlineData(null, "")]
    [InlineData("tcp://192.0.2.1", "tcp://192.0.2.1:2376")]
    [InlineData("tcp://[2001:db8::1]", "tcp://[2001:db8::1]:2376")]
    [InlineData("ssh://build.invalid", "ssh://me:secret@build.invalid:22/run/docker.sock")]
    public async Task An_engine_of_another_machine_is_known_by_its_address(string? elsewhere, string address)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var fake = await FakeEngine.CreateAsync($"[ \"$1\" != context ] || echo '{address}'");

        Assert.Equal(
            elsewhere is null ? null : $"The container engine is at {elsewhere}, so the ports of its containers are not on this machine. Run the program there, or choose an engine of this machine: unset DOCKER_HOST, or run docker context use default.",
            await fake.Engine.FindPortsElsewhereAsync(limit.Token));
    }

    [Theory]
    [InlineData("build --load --tag a .", "--load  Load the image")]
    [InlineData("build --tag a .", "--tag  Name of the image")]
    public async Task An_image_is_loaded_whoever_builds_it(string expected, string help)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var fake = await FakeEngine.CreateAsync($"[ \"$2\" != --help ] || echo '{help}'");
        await fake.Engine.BuildAsync(["--tag", "a", "."], limit.Token);

        Assert.Equal(expected, fake.Calls[^1]);
    }

    [Fact]
    public async Task Only_the_images_of_a_remote_engine_are_measured_and_it_says_why_at_once()
    {
        using var fake = await FakeEngine.CreateAsync($"case \"$1\" in context) echo tcp://192.0.2.1:2376;; {Images} esac");
        var (result, progress) = await CompareAsync(fake);

        const string Reason = "The container engine is at tcp://192.0.2.1, so the ports of its containers are not on this machine.";
        Assert.StartsWith($"Only the images are measured. {Reason}", progress[0], StringComparison.Ordinal);
        Assert.StartsWith($"The build time and the figures of running containers are left out. {Reason}", Assert.Single(result.Failures), StringComparison.Ordinal);
        Assert.DoesNotContain(fake.Calls, call => call.StartsWith("container create", StringComparison.Ordinal));
        AssertOnlyImages(result);
    }

    /// <summary>This program may run in a container, and use the engine that runs it.</summary>
    [Fact]
    public async Task A_port_that_is_published_elsewhere_is_waited_for_once_and_not_long()
    {
        using var fake = await FakeEngine.CreateAsync($"case \"$1 $2\" in 'container inspect') {Running};; esac; case \"$1\" in context) echo unix:///var/run/docker.sock;; {Images} esac");
        var (result, _) = await CompareAsync(fake);

        var failure = Assert.Single(result.Failures);
        Assert.StartsWith("The build time and the figures of running containers are left out. The container engine runs hello-compare-", failure, StringComparison.Ordinal);
        Assert.Contains(", but on this machine the port is free. ", failure, StringComparison.Ordinal);
        Assert.Single(fake.Calls, call => call.StartsWith("container start", StringComparison.Ordinal));
        AssertOnlyImages(result);
    }

    /// <summary>All that the engine says about images.</summary>
    private static string Images =>
        """
        version) echo '{"Server":{"Version":"1"}}';;
        image) case "$2" in inspect) echo '[{"Id":"sha256:1","Config":{}}]';; save) cat archive;; esac;;
        """;

    private static string Running => """echo '[{"Id":"1","State":{"StartedAt":"2026-01-01T00:00:00Z","Pid":0},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"1"}]}}}]'""";

    private static string? FindName(params string[] settings) =>
        ContainerEngine.FindName(name => settings.Select(s => s.Split('=', 2)).FirstOrDefault(s => s[0] == name)?[1]);

    private static async Task<(ComparisonResult Result, List<string> Progress)> CompareAsync(FakeEngine fake)
    {
        using var limit = new CancellationTokenSource(Limit);
        await File.WriteAllBytesAsync(Path.Combine(fake.Folder.FullName, "archive"), ImageArchiveBuilder.Oci(ImageArchiveBuilder.Layer("app=1")).ToArray(), limit.Token);
        foreach (var name in new[] { "one", "two" })
        {
            await File.WriteAllTextAsync(Path.Combine(fake.Folder.FullName, $"Dockerfile-{name}"), "FROM scratch\nCOPY app /\n", limit.Token);
        }

        using var inspector = new ImageInspector(fake.Engine);
        List<string> progress = [];
        var result = await new ComparisonRun(fake.Engine, inspector, runs: 3, TimeSpan.FromMinutes(1), progress.Add, progress.Add)
            .MeasureAsync([.. HelloImage.FindAll(fake.Folder.FullName).Select(ComparedImage.Of)], limit.Token);
        return (result, progress);
    }

    private static void AssertOnlyImages(ComparisonResult result)
    {
        Figure[] ofImages = [Figure.UnpackedSize, Figure.CompressedSize, Figure.Wasted, Figure.Layers, Figure.Files, Figure.User, Figure.Shell, Figure.PackageManager, Figure.Binary, Figure.Base];
        Assert.All(result.Images, image => Assert.Equal(ofImages.Select(f => f.Name), Figure.All.Where(f => f.Of(image) is not null).Select(f => f.Name)));
    }
}
