namespace Hello.Tests;

/// <summary>What a reader learns from the Dockerfiles side by side: what a user other than root takes.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class DockerfileTests(HelloApplication hello)
{
    private const string PasswdLine = "appuser:x:10001:10001:App User:/:/sbin/nologin";

    private static readonly string Root = RepositoryFolder.Find();

    [Theory]
    [InlineData("Dockerfile-scratch-nonroot", $"RUN echo '{PasswdLine}' > /passwd", "COPY --from=build /passwd /etc/passwd", "USER 10001:10001")]
    [InlineData(
        "docs/Dockerfile-adduser",
        "RUN adduser -D -H -h / -g 'App User' -s /sbin/nologin -u 10001 appuser", "COPY --from=build /etc/passwd /etc/passwd", "USER appuser")]
    public async Task A_user_takes_three_instructions_more_than_Dockerfile_scratch(string dockerfile, params string[] instructions)
    {
        var scratch = await File.ReadAllLinesAsync(Path.Combine(Root, "Dockerfile-scratch"));
        var other = await File.ReadAllLinesAsync(Path.Combine(Root, dockerfile));

        Assert.Equal(instructions, other.Where(line => !scratch.Contains(line) && !IsDescription(line)));
        Assert.Equal(scratch.Where(line => !IsDescription(line)), other.Where(line => !instructions.Contains(line) && !IsDescription(line)));

        static bool IsDescription(string line) => Regex.IsMatch(line, @"^#|org\.opencontainers\.image\.(title|description)=");
    }

    /// <summary>The binary's layer comes first, as in Dockerfile-scratch, so that both images can share it.</summary>
    [Fact]
    public async Task The_user_is_a_layer_on_top_of_the_binary_s()
    {
        var layers = await ImageArchive.ReadLayersAsync("demo-app:0.1-scratch-nonroot");

        Assert.Equal(["hello-api", "etc/ etc/passwd"], layers.Select(layer => string.Join(' ', layer.Select(f => f.Path))));
    }

    [Fact]
    public async Task Adduser_makes_the_same_user_but_its_image_is_bigger()
    {
        // Another tag than that of docs/docker.md, whose commands may run at the same time.
        var image = new ImageSpecification("test-adduser", User: "appuser", Uid: 10001, Files: ["etc/passwd", "hello-api"]);
        await CommandLine.DockerAsync("build", "--file", Path.Combine(Root, "docs", "Dockerfile-adduser"), "--tag", image.Reference, Root);
        try
        {
            await using var container = await PlainContainer.RunAsync(image);
            Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
            // PID    UID
            // 4711   10001
            var processes = (await CommandLine.DockerAsync("top", container.Id, "-o", "pid,uid")).Split('\n')[1..];
            Assert.Equal($"{image.Uid}", Assert.Single(processes).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

            var files = await ImageArchive.ReadFilesAsync(image.Reference);
            var nonroot = await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch-nonroot");
            Assert.Equal(image.Files, files.Select(f => f.Path));
            Assert.Contains($"{PasswdLine}\n", Encoding.ASCII.GetString(files[0].Content), StringComparison.Ordinal);
            Assert.InRange(nonroot.Sum(f => f.Content.Length), 1, files.Sum(f => f.Content.Length) - 1);
        }
        finally
        {
            await CommandLine.DockerAsync("image", "rm", "--force", image.Reference);
        }
    }
}
