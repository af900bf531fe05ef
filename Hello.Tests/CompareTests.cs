using Hello.AppHost.Comparison;
using Hello.AppHost.Engine;
using Hello.AppHost.Facts;
using Microsoft.Extensions.Configuration;

namespace Hello.Tests;

/// <summary>The command <c>compare</c>, on the real engine.</summary>
[Collection(HelloApplicationCollection.Name)]
#pragma warning disable CS9113 // One after the other with what else uses the engine.
public sealed class CompareTests(HelloApplication hello)
#pragma warning restore CS9113
{
    [Fact]
    public async Task It_prints_a_table_writes_both_files_and_leaves_nothing_else_behind()
    {
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            var before = await BelongingsAsync();
            var (exitCode, output, error) = await AppHostProcess.RunAsync(TimeSpan.FromMinutes(15), null, "compare", "--runs", "1", "--output", folder.FullName);

            Assert.True(exitCode == 0, $"It ended with {exitCode}: {error}");
            Assert.Equal(before, await BelongingsAsync());
            Assert.Equal(["comparison.html", "comparison.md"], folder.EnumerateFileSystemInfos().Select(f => f.Name).Order());
            var markdown = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "comparison.md"));
            var html = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "comparison.html"));
            var lines = output.Split('\n');
            Assert.All(Figure.All, figure =>
            {
                var row = Assert.Single(lines, l => l.StartsWith($"{figure.Name}  ", StringComparison.Ordinal));
                Assert.DoesNotContain("–", row, StringComparison.Ordinal);
                Assert.Contains($"\n| {figure.Name} | ", markdown, StringComparison.Ordinal);
                Assert.Contains($"<th>{figure.Name}</th>", html, StringComparison.Ordinal);
            });
            foreach (var image in HelloImages.Specification.Where(i => i.Files is not null))
            {
                var bytes = Format.Invariant($"{(await ImageArchive.ReadFilesAsync(image.Reference)).Sum(f => f.Content.Length):N0} B");
                Assert.Contains($" {bytes} ", markdown, StringComparison.Ordinal);
                Assert.Contains($">{bytes} ", html, StringComparison.Ordinal);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Interrupted_it_leaves_nothing_behind_and_ends_with_130()
    {
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        var before = await BelongingsAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        using var compare = AppHostProcess.Start("compare", "--output", folder.FullName);
        try
        {
            // The first image is built and is about to run, the second is on its way.
            while (await compare.StandardError.ReadLineAsync(limit.Token) is { } line && !line.StartsWith("Building scratch ", StringComparison.Ordinal))
            {
                Assert.False(line.StartsWith("error:", StringComparison.Ordinal), line);
            }

            await Task.Delay(TimeSpan.FromSeconds(2), limit.Token);
            await AppHostProcess.SignalAsync(compare, "INT");
            var error = await compare.StandardError.ReadToEndAsync(limit.Token);
            await compare.WaitForExitAsync(limit.Token);

            Assert.Equal(130, compare.ExitCode);
            Assert.EndsWith("error: The comparison was interrupted; nothing was written, and nothing is left behind.\n", error, StringComparison.Ordinal);
            Assert.Equal(before, await BelongingsAsync());
            Assert.Empty(folder.EnumerateFileSystemInfos());
        }
        finally
        {
            if (!compare.HasExited)
            {
                compare.Kill(entireProcessTree: true);
            }

            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task What_cannot_be_built_is_one_line_and_the_rest_is_measured()
    {
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            var root = Path.GetFullPath("..", Projects.Hello_AppHost.ProjectPath);
            var broken = Path.Combine(folder.FullName, "Dockerfile-broken");
            await File.WriteAllTextAsync(broken, "FROM scratch\nCOPY nowhere /\n");
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
            using var settings = new ConfigurationManager();
            var engine = new ContainerEngine(settings);
            using var inspector = new ImageInspector(engine);
            var before = await BelongingsAsync();
            var result = await new ComparisonRun(engine, inspector, runs: 1, _ => { }).MeasureAsync(
                [new("alpine", root, Path.Combine(root, "Dockerfile-alpine"), "alpine"), new("broken", folder.FullName, broken, "broken")], limit.Token);

            var failure = Assert.Single(result.Failures);
            Assert.StartsWith("broken could not be measured: 'docker build ", failure, StringComparison.Ordinal);
            Assert.Contains("nowhere", failure, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure);
            Assert.All(Figure.All, figure => Assert.NotNull(figure.Of(result.Images[0])));
            Assert.Equal(before, await BelongingsAsync());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("Unrecognized command or argument '--fast'.", "--fast")]
    [InlineData("--runs must be a number from 1 to 100, not '0'.", "--runs", "0")]
    [InlineData("--runs must be a number from 1 to 100, not 'many'.", "--runs", "many")]
    [InlineData("Required argument missing for option: '--output'.", "--output")]
    public async Task A_wrong_option_is_one_clear_line(string reason, params string[] options)
    {
        var (exitCode, output, error) = await AppHostProcess.RunAsync(TimeSpan.FromMinutes(1), null, ["compare", .. options]);

        Assert.Equal(1, exitCode);
        Assert.Equal($"error: {reason} 'compare --help' lists the options.\n", error);
        Assert.Empty(output);
    }

    [Fact]
    public async Task Without_an_engine_it_says_so_in_one_line()
    {
        var (exitCode, _, error) = await AppHostProcess.RunAsync(TimeSpan.FromMinutes(1), ("ASPIRE_CONTAINER_RUNTIME", "no-such-engine"), "compare");

        Assert.Equal(1, exitCode);
        Assert.StartsWith("error: No container engine answers (no-such-engine could not be started: ", error, StringComparison.Ordinal);
        Assert.EndsWith(": start one, or run eng/setup.sh.\n", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Help_names_every_option()
    {
        var (exitCode, output, _) = await AppHostProcess.RunAsync(TimeSpan.FromMinutes(1), null, "compare", "--help");

        Assert.Equal(0, exitCode);
        Assert.All(["--output <DIR>", "--runs <N>", "--readme", "--help"], option => Assert.Contains(option, output, StringComparison.Ordinal));
    }

    /// <summary>All images, networks and containers of the engine.</summary>
    private static async Task<IEnumerable<string>> BelongingsAsync() => string.Join(
        '\n',
        await CommandLine.DockerAsync("image", "ls", "--all", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"),
        await CommandLine.DockerAsync("network", "ls", "--format", "{{.Name}}"),
        await CommandLine.DockerAsync("container", "ls", "--all", "--no-trunc", "--format", "{{.ID}}")).Split('\n').Order();
}
