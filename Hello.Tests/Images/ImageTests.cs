namespace Hello.Tests;

/// <summary>What is in the images, and what a reader learns from their Dockerfiles side by side: what a user other than root takes.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class ImageTests(HelloApplication hello)
{
    internal const string PasswdLine = "appuser:x:10001:10001:App User:/:/sbin/nologin";

    /// <summary>The files that an engine puts into every container.</summary>
    private static readonly string[] Injected = [".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task An_image_from_scratch_holds_these_files_and_no_other(ImageSpecification image)
    {
        var files = await ImageArchive.ReadFilesAsync(image.Reference);

        Assert.Equal(image.Files, files.Select(f => f.Path));
    }

    [Fact]
    public async Task The_user_costs_one_line_of_47_bytes()
    {
        var scratch = await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch");
        var layers = await ImageArchive.ReadLayersAsync("demo-app:0.1-scratch-nonroot");
        ImageFile[] nonroot = [.. layers.SelectMany(layer => layer).Where(file => file.Type != TarEntryType.Directory)];

        // The binary's layer comes first, as in Dockerfile-scratch, so that both images can share it.
        Assert.Equal(["hello-api", "etc/ etc/passwd"], layers.Select(layer => string.Join(' ', layer.Select(f => f.Path))));
        Assert.Equal($"{PasswdLine}\n", Encoding.ASCII.GetString(nonroot.Single(f => f.Path == "etc/passwd").Content));
        Assert.Equal(scratch.Sum(f => f.Content.Length) + 47, nonroot.Sum(f => f.Content.Length));
        Assert.Equal(scratch.Single().Content, nonroot.Single(f => f.Path == "hello-api").Content);
    }

    [Theory]
    [InlineData("Dockerfile-scratch-nonroot", $"RUN echo '{PasswdLine}' > /passwd", "COPY --from=build /passwd /etc/passwd", "USER 10001:10001")]
    [InlineData(
        "docs/Dockerfile-adduser",
        "RUN adduser -D -H -h / -g 'App User' -s /sbin/nologin -u 10001 appuser", "COPY --from=build /etc/passwd /etc/passwd", "USER appuser")]
    public async Task A_user_takes_three_instructions_more_than_Dockerfile_scratch(string dockerfile, params string[] instructions)
    {
        var root = RepositoryFolder.Find();
        var scratch = await File.ReadAllLinesAsync(Path.Combine(root, "Dockerfile-scratch"));
        var other = await File.ReadAllLinesAsync(Path.Combine(root, dockerfile));

        Assert.Equal(instructions, other.Where(line => !scratch.Contains(line) && !IsDescription(line)));
        Assert.Equal(scratch.Where(line => !IsDescription(line)), other.Where(line => !instructions.Contains(line) && !IsDescription(line)));

        static bool IsDescription(string line) => Regex.IsMatch(line, @"^#|org\.opencontainers\.image\.(title|description)=");
    }

    [Fact]
    public async Task The_binary_is_static_and_stripped()
    {
        var binary = Assert.Single(await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch")).Content;

        Assert.False(Elf.HasInterpreter(binary), "It asks for a dynamic loader.");
        Assert.False(Elf.HasSymbolTable(binary), "It carries its symbol table.");
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Nothing_in_any_layer_is_writable_by_others_or_setuid_or_without_an_owner(ImageSpecification image)
    {
        const UnixFileMode Unwanted = UnixFileMode.OtherWrite | UnixFileMode.GroupWrite | UnixFileMode.SetUser | UnixFileMode.SetGroup;
        var layers = await ImageArchive.ReadLayersAsync(image.Reference);

        Assert.NotEmpty(layers);
        Assert.All(layers.SelectMany(l => l), f => Assert.Equal((f.Path, UnixFileMode.None, 0, 0), (f.Path, f.Mode & Unwanted, f.Uid, f.Gid)));
    }

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task No_file_of_ours_in_any_layer_holds_a_path_of_its_build_or_a_secret(ImageSpecification image)
    {
        // The compilers write paths in UTF-8 and in UTF-16. The framework's own files name Microsoft's build machines.
        string[] unwanted = ["/src/Hello", "/root/", "/home/", "bin/Release", "obj/Release", "PRIVATE KEY-----", "password=", "AccountKey="];
        var ours = (await ImageArchive.ReadLayersAsync(image.Reference)).SelectMany(layer => layer)
            .Where(file => image.Files is not null || file.Path.StartsWith("app/Hello", StringComparison.Ordinal)).ToArray();

        Assert.NotEmpty(ours);
        Assert.All(ours, file => Assert.All(unwanted, text => Assert.False(
            Has(file, Encoding.UTF8.GetBytes(text)) || Has(file, Encoding.Unicode.GetBytes(text)), $"{file.Path} has '{text}' in it.")));

        static bool Has(ImageFile file, byte[] text) => file.Content.AsSpan().IndexOf(text) >= 0;
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_image_has_its_user_the_labels_of_the_oci_and_from_scratch_no_variable_but_the_search_path(ImageSpecification image)
    {
        var config = JsonElement.Parse(await CommandLine.DockerAsync("image", "inspect", "--format", "{{json .Config}}", hello.ImageId(image)));

        Assert.Equal(image.User, config.TryGetProperty("User", out var user) ? user.GetString() : "");
        if (image.Files is not null && config.TryGetProperty("Env", out var variables) && variables.ValueKind is not JsonValueKind.Null)
        {
            // The builder adds it.
            Assert.All(variables.EnumerateArray(), variable => Assert.StartsWith("PATH=", variable.GetString(), StringComparison.Ordinal));
        }

        // https://github.com/opencontainers/image-spec/blob/main/annotations.md
        Assert.StartsWith("Hello ", Label("title"), StringComparison.Ordinal);
        Assert.StartsWith("GET /hello", Label("description"), StringComparison.Ordinal);
        Assert.Equal("MIT", Label("licenses"));
        // The commit that the AppHost was built from. Somebody may have committed since.
        Assert.Equal("commit", await CommandLine.RunAsync("git", "-C", Projects.Hello_AppHost.ProjectPath, "cat-file", "-t", Label("revision")));
        Assert.Equal(image.Files is null ? "mcr.microsoft.com/dotnet/aspnet:10.0-alpine" : "scratch", Label("base.name"));
        // Empty if the repository has no remote.
        Assert.True(Label("source") is "" || Uri.IsWellFormedUriString(Label("source"), UriKind.Absolute), $"The source is '{Label("source")}'.");

        string Label(string name) => config.GetProperty("Labels").GetProperty($"org.opencontainers.image.{name}").GetString()!;
    }

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
        string[] bases = [.. (image.Files is null ? (string[])["sdk:10.0-alpine", "aspnet:10.0-alpine"] : ["sdk:10.0-alpine-aot"])
            .Select(name => $"mcr.microsoft.com/dotnet/{name}")]; // other tests have them under other names
        string[] list = ["image", "ls", "--filter", "label=io.hello.stand-in=true", "--format", "{{.Repository}}:{{.Tag}}"];

        Assert.Equal((await CommandLine.DockerAsync(list)).Split('\n').Intersect(bases).Order(), facts.StandIns.Order());
    }

    private Task<ImageFacts> FactsAsync(ImageSpecification image)
    {
        var model = hello.App.Services.GetRequiredService<DistributedApplicationModel>();
        var build = model.Resources.HelloImages().Single(r => r.Image.Name == image.Resource).Image;
        return hello.App.Services.GetRequiredService<ImageInspector>().InspectImageAsync(image.Reference, build.Dockerfile, CancellationToken.None);
    }
}
