using System.Text.RegularExpressions;
using Hello.Compare.Comparison;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>The README's walkthrough does what it says.</summary>
[Collection(HelloApplicationCollection.Name)]
#pragma warning disable CS9113 // The application has built the images, whose layers the walkthrough finds cached.
public sealed class ReadmeTests(HelloApplication hello)
#pragma warning restore CS9113
{
    private static readonly string Root = RepositoryFolder.Find();

    [Fact]
    public async Task The_commands_with_plain_Docker_work_as_written()
    {
        var script = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(script, $"set -euo pipefail\ncd '{Root}'\n{await CommandsAsync("## With plain Docker")}");
            var output = await CommandLine.RunAsync("bash", script);

            Assert.Equal(2, output.Split(HelloImages.Greeting).Length - 1);
            Assert.Contains("10001", output, StringComparison.Ordinal);
            Assert.Contains("0.1-scratch-adduser", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(script);
            await CommandLine.DockerAsync("rm", "--force", "hello");
        }
    }

    [Fact]
    public async Task Setup_finds_nothing_missing_where_the_tests_run()
    {
        if (OperatingSystem.IsLinux()) // elsewhere it says that it has nothing to offer
        {
            var report = await CommandLine.RunAsync(Path.Combine(Root, "eng", "setup.sh"), "--check");

            Assert.All(report.Split('\n'), line => Assert.StartsWith("ready:", line, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task The_comparison_has_every_figure_its_date_and_its_conditions()
    {
        var table = (await File.ReadAllTextAsync(Path.Combine(Root, "README.md"))).Split("<!-- comparison -->")[1].Split("<!-- /comparison -->")[0];

        Assert.Contains($"|  | {string.Join(" | ", HelloImages.Specification.Select(i => $"`{i.Resource}`"))} |\n", table, StringComparison.Ordinal);
        Assert.All(Figure.All, figure => Assert.Matches($@"\n\| {Regex.Escape(figure.Name)} \| [^–]+ \| [^–]+ \| [^–]+ \|\n", table));
        Assert.Matches(@"\n- Date: 20\d\d-\d\d-\d\d \d\d:\d\d UTC\n", table);
        Assert.All(["Machine", "Container engine", "Method", "Base images"], condition => Assert.Matches($@"\n- {condition}: \S", table));
    }

    /// <summary>The lines of all <c>sh</c> blocks under a heading.</summary>
    internal static async Task<string> CommandsAsync(string heading)
    {
        var lines = (await File.ReadAllLinesAsync(Path.Combine(Root, "README.md"))).SkipWhile(l => l != heading).Skip(1).TakeWhile(l => !l.StartsWith("## ", StringComparison.Ordinal));
        List<string> commands = [];
        var inBlock = false;
        foreach (var line in lines)
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                inBlock = line == "```sh";
            }
            else if (inBlock)
            {
                commands.Add(line);
            }
        }

        Assert.NotEmpty(commands);
        return string.Join('\n', commands);
    }
}
