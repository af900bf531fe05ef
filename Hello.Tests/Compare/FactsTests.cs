namespace Hello.Tests;

/// <summary>The facts about the real images agree with docker and with the files.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class FactsTests(HelloApplication hello)
{
    /// <summary>The files that an engine puts into every container.</summary>
    private static readonly string[] Injected = [".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_facts_of_an_image_are_those_of_docker_and_of_its_files(ImageSpecification image)
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

        Assert.InRange(facts.CompressedBytes, facts.UnpackedBytes / 10, facts.UnpackedBytes * 9 / 10);
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
            var binary = (await ImageArchive.ReadFilesAsync(image.Reference)).Single(f => f.Path == "hello-api").Content;
            Assert.Equal(!Elf.HasInterpreter(binary), facts.IsStatic);
            Assert.Equal("scratch", facts.Base);
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
    public async Task A_stand_in_base_is_named(ImageSpecification image)
    {
        var facts = await FactsAsync(image);
        string[] bases = image.Files is null ? ["/dotnet/sdk:10.0-alpine", "/dotnet/aspnet:10.0-alpine"] : ["/dotnet/sdk:10.0-alpine-aot"];
        string[] list = ["image", "ls", "--filter", "label=io.hello.stand-in=true", "--format", "{{.Repository}}:{{.Tag}}"];
        var expected = (await CommandLine.DockerAsync(list)).Split('\n')
            .Where(reference => bases.Any(name => reference.EndsWith(name, StringComparison.Ordinal)));

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

    private Task<ImageFacts> FactsAsync(ImageSpecification image)
    {
        var model = hello.App.Services.GetRequiredService<DistributedApplicationModel>();
        var build = model.Resources.HelloImages().Single(r => r.Image.Name == image.Resource).Image;
        return hello.App.Services.GetRequiredService<ImageInspector>().InspectImageAsync(image.Reference, build.Dockerfile, CancellationToken.None);
    }
}
