namespace Hello.Tests;

/// <summary>The commands with plain Docker do what the pages say.</summary>
[Trait("Needs", "Engine")]
public sealed class WalkthroughTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    /// <summary>The image that only docs/docker.md builds.</summary>
    private static readonly ImageSpecification Variant = new("scratch-adduser", User: "appuser", Uid: 10001, Files: ["etc/passwd", "hello-api"]);

    private static readonly string Root = RepositoryFolder.Find();

    [Fact]
    public async Task The_commands_with_plain_Docker_work_as_written()
    {
        var before = await EngineContents.ListAsync(Variant.Reference);
        try
        {
            var readme = await ReadmeTests.CommandsAsync("## With plain Docker");
            var page = await ReadmeTests.CommandsAsync("# With plain Docker", "docs/docker.md");
            var output = await CommandLine.RunAsync("bash", "-c", $"set -euo pipefail\ncd '{Root}'\n{readme}\n{page}");

            Assert.Equal(3, output.Split(HelloImages.Greeting).Length - 1);
            Assert.Contains("10001", output, StringComparison.Ordinal);
            Assert.Contains(Variant.Reference.Split(':')[1], output, StringComparison.Ordinal);
            await AssertAdduserMakesTheSameUserButABiggerImageAsync();
        }
        finally
        {
            await CommandLine.DockerAsync("rm", "--force", "hello");
            if (before.Length == 0)
            {
                await CommandLine.TryAsync("docker", "image", "rm", Variant.Reference);
            }
        }
    }

    private static async Task AssertAdduserMakesTheSameUserButABiggerImageAsync()
    {
        await using var container = await PlainContainer.RunAsync(Variant);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        // PID    UID
        // 4711   10001
        var processes = (await CommandLine.DockerAsync("top", container.Id, "-o", "pid,uid")).Split('\n')[1..];
        Assert.Equal($"{Variant.Uid}", Assert.Single(processes).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

        var files = await ImageArchive.ReadFilesAsync(Variant.Reference);
        var nonroot = await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch-nonroot");
        Assert.Equal(Variant.Files, files.Select(f => f.Path));
        Assert.Contains($"{ImageTests.PasswdLine}\n", Encoding.ASCII.GetString(files[0].Content), StringComparison.Ordinal);
        Assert.InRange(nonroot.Sum(f => f.Content.Length), 1, files.Sum(f => f.Content.Length) - 1);
    }

    [Fact]
    public async Task The_commands_of_the_page_on_size_get_the_lists_of_the_compiler()
    {
        using var folder = new TempFolder();
        try
        {
            var commands = await ReadmeTests.CommandsAsync("# Where the bytes are", "docs/size.md");
            var script = $"set -euo pipefail\ncd '{Root}'\n{commands.Replace("artifacts", folder.FullName, StringComparison.Ordinal)}";
            await CommandLine.RunAsync("bash", "-c", script);

            Assert.All(["Hello.Api.mstat", "Hello.Api.map.xml"], list => Assert.NotEmpty(folder.Info.GetFiles(list, SearchOption.AllDirectories)));
        }
        finally
        {
            await CommandLine.TryAsync("docker", "rm", "--force", "hello-build");
            await CommandLine.TryAsync("docker", "image", "rm", "hello-build");
        }
    }
}
