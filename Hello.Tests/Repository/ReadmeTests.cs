using System.Text.RegularExpressions;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>What the README says.</summary>
public sealed class ReadmeTests
{
    private static readonly string Root = RepositoryFolder.Find();

    [Fact]
    public async Task The_comparison_has_every_figure_its_date_and_its_conditions()
    {
        var table = (await File.ReadAllTextAsync(Path.Combine(Root, "README.md"))).Split("<!-- comparison -->")[1].Split("<!-- /comparison -->")[0];

        Assert.Contains($"| | {string.Join(" | ", HelloImages.Specification.Select(i => $"`{i.Resource}`"))} |\n", table, StringComparison.Ordinal);
        Assert.All(Figure.All, figure => Assert.Matches($@"\n\| {Regex.Escape(figure.Name)} \| [^–]+ \| [^–]+ \| [^–]+ \|\n", table));
        Assert.Matches(@"\n- Date: 20\d\d-\d\d-\d\d \d\d:\d\d UTC\n", table);
        Assert.All(["Machine", "Container engine", "Method", "Base images"], condition => Assert.Matches($@"\n- {condition}: \S", table));
    }

    /// <summary>The lines of all blocks under a heading.</summary>
    /// <param name="file">The page, relative to the repository.</param>
    /// <param name="language">The language of the blocks. A block that nobody can run everywhere, because it needs a cluster, is <c>console</c>.</param>
    internal static async Task<string> CommandsAsync(string heading, string file = "README.md", string language = "sh")
    {
        var lines = (await File.ReadAllLinesAsync(Path.Combine(Root, file))).SkipWhile(l => l != heading).Skip(1).TakeWhile(l => !l.StartsWith("## ", StringComparison.Ordinal));
        List<string> commands = [];
        var inBlock = false;
        foreach (var line in lines)
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                inBlock = line == $"```{language}";
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
