using Hello.AppHost.Dashboard;

namespace Hello.Tests;

/// <summary>The facts about the real images agree with docker and with the files.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class FactsTests(HelloApplication hello)
{
    /// <summary>The files that an engine puts into every container.</summary>
    private static readonly string[] Injected = [".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private ImageInspector Inspector => hello.App.Services.GetRequiredService<ImageInspector>();

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Layers_and_size_are_those_of_docker_and_the_user_has_its_name(ImageSpecification image)
    {
        var facts = await FactsAsync(image);
        using var inspected = JsonDocument.Parse(await CommandLine.DockerAsync("image", "inspect", image.Reference));
        var docker = inspected.RootElement[0];

        Assert.Equal(docker.GetProperty("RootFS").GetProperty("Layers").GetArrayLength(), facts.Layers);
        Assert.Equal(image.UserName, facts.User);
        // With containerd's image store, docker's size is the sum of packed and unpacked.
        if (await CommandLine.DockerAsync("info", "--format", "{{.Driver}}") == "overlay2")
        {
            Assert.Equal(docker.GetProperty("Size").GetInt64(), facts.UnpackedBytes);
        }
    }

    [Fact]
    public async Task Alpine_has_as_many_files_as_find_finds()
    {
        var image = HelloImages.Specification[0];
        var found = await CommandLine.DockerAsync("run", "--rm", "--network", "none", "--entrypoint", "find", image.Reference, "/", "-xdev", "-type", "f");

        Assert.Equal(found.Split('\n').Select(path => path.TrimStart('/')).Except(Injected).Count(), (await FactsAsync(image)).Files);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_compressed_size_is_smaller(ImageSpecification image)
    {
        var facts = await FactsAsync(image);

        Assert.InRange(facts.CompressedBytes, facts.UnpackedBytes / 10, facts.UnpackedBytes * 9 / 10);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Only_alpine_has_a_shell_and_only_scratch_a_static_binary(ImageSpecification image)
    {
        var facts = await FactsAsync(image);

        if (image.Files is null)
        {
            Assert.Contains("sh", facts.Shells);
            Assert.Equal("hello", await CommandLine.DockerAsync("run", "--rm", "--entrypoint", "sh", image.Reference, "-c", "echo hello"));
            Assert.False(facts.IsStatic);
            Assert.EndsWith("/dotnet/aspnet:10.0-alpine", facts.Base, StringComparison.Ordinal);
        }
        else
        {
            Assert.Empty(facts.Shells);
            Assert.Empty(facts.PackageManagers);
            Assert.Equal(!Elf.HasInterpreter((await ImageArchive.ReadFilesAsync(image.Reference)).Single(f => f.Path == "hello-api").Content), facts.IsStatic);
            Assert.Equal("scratch", facts.Base);
        }
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_stand_in_base_is_named(ImageSpecification image)
    {
        var facts = await FactsAsync(image);
        List<string> expected = [];
        foreach (var reference in (await CommandLine.DockerAsync("image", "ls", "--filter", "label=io.hello.stand-in=true", "--format", "{{.Repository}}:{{.Tag}}")).Split('\n'))
        {
            if (reference.EndsWith(image.Files is null ? "/dotnet/sdk:10.0-alpine" : "/dotnet/sdk:10.0-alpine-aot", StringComparison.Ordinal)
                || (image.Files is null && reference.EndsWith("/dotnet/aspnet:10.0-alpine", StringComparison.Ordinal)))
            {
                expected.Add(reference);
            }
        }

        Assert.Equal(expected.Order(), facts.StandIns.Order());
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_process_has_the_ids_of_top_and_the_capabilities_of_its_container(ImageSpecification image)
    {
        using var limit = new CancellationTokenSource(Limit);
        await using var probe = await ProbeContainer.StartBesideAsync(
            hello.App.Services.GetRequiredService<ContainerEngine>(), hello.ContainerId(image), Assert.Fail, limit.Token);
        var facts = await probe.ReadProcessesAsync(limit.Token);
        // UID, GID and resident memory in KiB, under a title line; docker wants the PID, too.
        var top = (await CommandLine.DockerAsync("container", "top", hello.ContainerId(image), "-eo", "uid,gid,rss,pid")).Split('\n')[1]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray();

        Assert.Equal([facts.Uid, facts.Gid], top[..2].Select(n => (int)n));
        Assert.Equal((image.Uid, 1), (facts.Uid, facts.Processes));
        Assert.InRange(facts.ResidentBytes, top[2] * 1024 * 8 / 10, top[2] * 1024 * 12 / 10);
        Assert.InRange(facts.PeakResidentBytes, facts.ResidentBytes, long.MaxValue);
        // Docker gives root 14 capabilities. The application runs the other builds with none:
        // https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities.
        Assert.Equal(image.Files is null ? 14 : 0, facts.Capabilities);
    }

    [Fact]
    public async Task An_image_that_does_not_exist_is_a_clear_error()
    {
        var image = hello.App.Services.GetRequiredService<DistributedApplicationModel>().Resources.HelloImages().First().Image;
        var error = await Assert.ThrowsAsync<MeasurementException>(() => Inspector.InspectImageAsync("demo-app:none", image.Dockerfile, CancellationToken.None));

        Assert.Contains("demo-app:none", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private Task<ImageFacts> FactsAsync(ImageSpecification image)
    {
        var build = hello.App.Services.GetRequiredService<DistributedApplicationModel>().Resources.HelloImages().Single(r => r.Image.Name == image.Resource).Image;
        return Inspector.InspectImageAsync(image.Reference, build.Dockerfile, CancellationToken.None);
    }
}
