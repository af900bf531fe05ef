using static Hello.Tests.ImageArchiveBuilder;

namespace Hello.Tests;

/// <summary>Engines and their clients as people have them, with a script in place of the client.</summary>
[Trait("Needs", "Gnu")]
public sealed class ContainerEngineTests
{
    private const string Reference = "demo-app:test";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(null, "")]
    [InlineData(null, "ASPIRE_CONTAINER_RUNTIME=   ")]
    [InlineData("docker", "ASPIRE_CONTAINER_RUNTIME= Docker ")]
    [InlineData("podman", "ASPIRE_CONTAINER_RUNTIME=", "DOTNET_ASPIRE_CONTAINER_RUNTIME=podman")]
    [InlineData("docker", "ASPIRE_CONTAINER_RUNTIME=docker", "DOTNET_ASPIRE_CONTAINER_RUNTIME=podman")]
    [InlineData("podman", "DcpPublisher:ContainerRuntime=podman", "ASPIRE_CONTAINER_RUNTIME=docker")]
    public void The_first_setting_that_has_a_value_names_the_engine(string? name, params string[] settings) => Assert.Equal(name, FindName(settings));

    [Theory]
    [InlineData("ERROR: failed to solve: a", "#5 ERROR: a\n------\nERROR: failed to solve: a\n\nWhat's next:\n    Debug this build failure → docker ai")]
    [InlineData("error during connect: dial tcp: lookup far: no such host", "error during connect: dial tcp: lookup far: no such host\nIs it on?\r\n")]
    [InlineData("Error: demo:1: image not known", "time=\"2026-01-01\" level=warning msg=\"old\"\nError: demo:1: image not known\nTip: list them")]
    [InlineData("unknown flag: --fast", "unknown flag: --fast\n\nUsage:  docker build [OPTIONS]\n\nRun 'docker build --help' for more information")]
    [InlineData("it broke", "first\nit broke")]
    [InlineData("said elsewhere", "", "said elsewhere\n")]
    [InlineData("Error: mine", "Error: mine", "Error: of the program in the container")]
    [InlineData("it wrote nothing", " \n", "")]
    [InlineData("ERROR: failed to do request. If this machine cannot reach the registry, run: eng/setup.sh", "ERROR: failed to do request")]
    [InlineData("ERROR: error getting credentials - err: exec: no such file. Remove credsStore from the configuration of Docker's client, "
        + "or run: export DOCKER_CONFIG=$(mktemp -d)", "ERROR: error getting credentials - err: exec: no such file")]
    public void The_reason_is_the_line_that_says_it_not_the_hint_behind_it(string reason, string error, string output = "") =>
        Assert.Equal(reason, new ProgramResult(1, output, error).Reason);

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

    /// <summary>Where no container runs, the images are still measured, and all is written.</summary>
    [Fact]
    public async Task A_build_that_fails_and_containers_that_cannot_be_run_are_one_line_for_each_image_and_the_rest_is_measured()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var fake = await FakeEngine.CreateAsync("""
            case "$*" in
            'build '*/Dockerfile-broken*) printf 'ERROR: failed to solve: "/nowhere": not found\n\nDocker Desktop may help' >&2; exit 1 ;;
            esac
            case "$1 $2" in
            version*) echo '{"Server":{"Version":"1","Arch":"amd64"}}' ;;
            'image inspect') echo '[{"Id":"sha256:1","Config":{}}]' ;;
            'image save') cat archive ;;
            'container run') echo 'Error: no room' >&2; exit 1 ;;
            esac
            """);
        var folder = fake.Folder.FullName;
        string[] names = ["one", "two"];
        var archive = Oci(Layer("app=1")).ToArray();
        await File.WriteAllBytesAsync(Path.Combine(folder, "archive"), archive, limit.Token);
        await Task.WhenAll(names.Append("broken").Select(
            name => File.WriteAllTextAsync(Path.Combine(folder, $"Dockerfile-{name}"), "FROM scratch\n", limit.Token)));
        List<string> lines = [];
        var files = new ComparisonFiles(Path.Combine(folder, "artifacts"));

        Assert.Equal(3, await files.MeasureBuildsAsync(fake.Engine, folder, lines.Add, limit.Token));
        Assert.Matches("^broken could not be measured: '.*docker build .*: ERROR: failed to solve: \"/nowhere\": not found$", lines[^3]);
        Assert.All(names.Zip(lines[^2..]), line => Assert.Matches($"^{line.First} could not be measured: .*: Error: no room$", line.Second));
        var markdown = await File.ReadAllTextAsync(files.Markdown, limit.Token);
        Assert.Contains("\n| Unpacked size | – | 1 B | 1 B |\n", markdown, StringComparison.Ordinal);
        Assert.All(files.All, file => Assert.True(File.Exists(file), $"There is no {file}."));
        // Once with the cache, so that the base images are there.
        var builds = string.Join('\n', fake.Calls.Where(call => call.StartsWith("build --", StringComparison.Ordinal)));
        Assert.All(names, name => Assert.Matches($"build --file .*-{name} --tag .*\nbuild --no-cache --file .*-{name} ", builds));
    }

    /// <summary>The image of the probe is the base image of a build, which its builder may keep to itself.</summary>
    [Fact]
    public async Task The_image_of_the_probe_is_pulled_where_it_is_missing_and_a_probe_that_ends_is_one_line()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var fake = await FakeEngine.CreateAsync("""
            case "$1 $2" in
            version*) echo '{"Server":{"Version":"1","Arch":"amd64"}}' ;;
            'image pull') touch pulled ;;
            'container run')
              [ -e pulled ] || { echo 'Error: No such image: x' >&2; exit 1; }
              echo; read -r line; read -r question; echo '"a machine"'; read -r question; echo 'Error: gone' >&2; exit 1 ;;
            'container cp') cat > program ;;
            esac
            """);
        await using var probe = await ProbeContainer.StartBesideAsync(fake.Engine, "measured", Assert.Fail, limit.Token);

        Assert.Single(fake.Calls, call => call.StartsWith("image pull ", StringComparison.Ordinal));
        Assert.Contains(" --network container:measured ", string.Join(' ', fake.Calls), StringComparison.Ordinal);
        Assert.Equal("a machine", await probe.DescribeMachineAsync(limit.Token));
        var error = await Assert.ThrowsAsync<MeasurementException>(() => probe.ReadProcessesAsync(limit.Token));
        Assert.Equal("the probe that measures has ended: Error: gone", error.Message);
    }

    /// <summary>An engine goes on with what its client began, so the container would be made after its removal.</summary>
    [Fact]
    public async Task A_probe_whose_start_is_cancelled_is_removed_after_it_was_made()
    {
        using var cancelled = new CancellationTokenSource();
        using var fake = await FakeEngine.CreateAsync("""
            case "$1 $2" in
            version*) echo '{"Server":{"Version":"1","Arch":"amd64"}}' ;;
            'container run') sleep 1; echo made >> calls ;;
            esac
            """);
        var starting = ProbeContainer.StartBesideAsync(fake.Engine, "measured", Assert.Fail, cancelled.Token);
        await CommandLine.PollAsync(() => Task.FromResult(fake.Calls), calls => calls.Any(call => call.Contains(" run ")), Limit);
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        Assert.Contains("made", fake.Calls);
        Assert.StartsWith("container rm ", fake.Calls[^1], StringComparison.Ordinal);
    }

    /// <param name="damage">What is done to the second layer.</param>
    [Theory]
    [InlineData("missing", "it has no {0} (layer 2)")]
    [InlineData("cut", "{0} (layer 2): ")]
    [InlineData("swapped", "layer 2 has the digest ")]
    [InlineData("negative", "{0} (layer 2): the size of an entry is negative")]
    public async Task The_error_about_a_damaged_layer_is_one_line_that_names_image_and_layer_and_says_what_to_do(string damage, string reason)
    {
        byte[][] layers = [Layer("a=1"), damage == "negative" ? RawTar.Tar(RawTar.Pax("size=-1"), RawTar.Entry("a")) : Layer("b=2")];
        var builder = Stored(layers, [.. layers.Select(Zstd)]);
        var name = BlobName(Zstd(layers[1]));
        builder.Files[name] = damage switch
        {
            "cut" => builder.Files[name][..^9],
            "swapped" => builder.Files[BlobName(Zstd(layers[0]))],
            _ => builder.Files[name],
        };
        if (damage == "missing")
        {
            builder.Files.Remove(name);
        }

        var message = (await Assert.ThrowsAsync<MeasurementException>(() => InspectAsync(builder, "amd64"))).Message;
        Assert.StartsWith($"{Reference} cannot be inspected. The image's archive ", message, StringComparison.Ordinal);
        Assert.Contains(string.Format(null, reason, name), message, StringComparison.Ordinal);
        Assert.EndsWith($" image rm {Reference}', and build or pull it again.", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("amd64")]
    [InlineData("arm64")]
    public async Task Of_several_platforms_that_of_the_engine_is_inspected(string architecture)
    {
        var facts = await InspectAsync(ImageArchivePlatformTests.Build("linux/amd64 linux/arm64", new("nested")), architecture);

        Assert.Equal($"linux-{architecture}", Assert.Single(facts.Contents.LargestFiles).Path);
    }

    /// <summary>Inspects it with a program that answers as an engine does.</summary>
    private static async Task<ImageFacts> InspectAsync(ImageArchiveBuilder archive, string architecture)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var fake = await FakeEngine.CreateAsync("""
            case "$2" in
              inspect) cat image.json ;;
              save) cat image.tar ;;
            esac
            """);
        var folder = fake.Folder.FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "image.tar"), archive.ToArray(), limit.Token);
        var answer = $$"""[{"Id":"sha256:1","Os":"linux","Architecture":"{{architecture}}"}]""";
        await File.WriteAllTextAsync(Path.Combine(folder, "image.json"), answer, limit.Token);
        await File.WriteAllTextAsync(Path.Combine(folder, "Dockerfile-test"), "FROM scratch\n", limit.Token);
        using var inspector = new ImageInspector(fake.Engine);
        return await inspector.InspectImageAsync(Reference, HelloImage.Of(folder, "test").Dockerfile, limit.Token);
    }

    private static string? FindName(params string[] settings) =>
        ContainerEngine.FindName(name => settings.Select(s => s.Split('=', 2)).FirstOrDefault(s => s[0] == name)?[1]);
}
