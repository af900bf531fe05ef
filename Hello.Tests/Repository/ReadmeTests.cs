using System.Text.RegularExpressions;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>What the README and the pages of docs/ say.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Root = RepositoryFolder.Find();

    /// <summary>Who runs the commands of a block: a test, or a workflow. A block that nothing runs would go out of date.</summary>
    private static readonly (string Page, string Heading, string RunBy)[] Blocks =
    [
        ("CONTRIBUTING.md", "## Build and test", "build.yml lint.yml"),
        ("README.md", "# Hello", "AppHostProcessTests build.yml"),
        ("README.md", "## With plain Docker", nameof(WalkthroughTests)),
        ("README.md", "## Compare", $"{nameof(CompareTests)} {nameof(OwnImageTests)}"),
        ("README.md", "## Test", "lint.yml"),
        ("README.md", "## Deploy", nameof(ComposeTests)),
        ("docs/benchmark.md", "# The benchmark", "build.yml"),
        ("docs/compare.md", "# The comparison", nameof(CompareTests)),
        ("docs/compare.md", "## Your own image", nameof(OwnImageTests)),
        ("docs/compare.md", "## In a pipeline", nameof(OwnImageTests)),
        ("docs/dashboard.md", "# The dashboard", nameof(AppHostProcessTests)),
        ("docs/deploy.md", "## One server", nameof(ComposeTests)),
        ("docs/deploy.md", "## How much it can take", "build.yml"),
        ("docs/docker.md", "# With plain Docker", nameof(WalkthroughTests)),
        ("docs/pipelines.md", "# Pipelines", nameof(SbomTests)),
        ("docs/size.md", "# Where the bytes are", nameof(WalkthroughTests)),
    ];

    /// <summary>All pages for people, relative to the repository.</summary>
    private static IEnumerable<string> Pages => Directory.EnumerateFiles(Root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md")).Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal);

    /// <summary>The text of all pages.</summary>
    internal static string AllPages => string.Concat(Pages.Select(page => File.ReadAllText(Path.Combine(Root, page))));

    /// <summary>All pages, for a theory.</summary>
    public static TheoryData<string> EachPage => [.. Pages];

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/compare.md")]
    public async Task The_comparison_has_its_figures_and_its_date(string page)
    {
        var table = (await File.ReadAllTextAsync(Path.Combine(Root, page))).Split("<!-- comparison -->")[1].Split("<!-- /comparison -->")[0];

        Assert.Contains($"| | {string.Join(" | ", HelloImages.Specification.Select(i => $"`{i.Resource}`"))} |\n", table, StringComparison.Ordinal);
        if (page == "README.md")
        {
            Assert.Equal(6, table.Split('\n').Count(line => line.StartsWith("| ", StringComparison.Ordinal)) - 2);
            Assert.Matches(@"\nMeasured on 20\d\d-\d\d-\d\d\. ", table);
        }
        else
        {
            Assert.All(Figure.All, figure => Assert.Matches($@"\n\| {Regex.Escape(figure.Name)} \| [^–]+ \| [^–]+ \| [^–]+ \|\n", table));
            Assert.Matches(@"\n- Date: 20\d\d-\d\d-\d\d \d\d:\d\d UTC\n", table);
            Assert.All(["Machine", "Container engine", "Method", "Base images"], condition => Assert.Matches($@"\n- {condition}: \S", table));
        }
    }

    [Fact]
    public async Task The_README_is_short() => Assert.InRange((await File.ReadAllLinesAsync(Path.Combine(Root, "README.md"))).Length, 1, 120);

    [Theory]
    [MemberData(nameof(EachPage))]
    public async Task Every_link_leads_somewhere(string page)
    {
        var file = Path.Combine(Root, page);
        foreach (var link in Links().Matches(WithoutCode(await File.ReadAllTextAsync(file))).Select(m => m.Groups["target"].Value).Where(l => !l.StartsWith("http", StringComparison.Ordinal)))
        {
            var (path, anchor) = link.Split('#') is [var before, var after] ? (before, after) : (link, null);
            var target = path.Length == 0 ? file : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, path));
            Assert.True(Path.Exists(target), $"{page} links to {link}, which does not exist.");
            Assert.True(anchor is null || (await File.ReadAllLinesAsync(target)).Any(l => l.StartsWith('#') && AnchorOf(l) == anchor), $"{page} links to {link}, a heading that does not exist.");
        }

        // https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/node_filter/table_of_contents_filter.rb
        static string AnchorOf(string heading) => NotInAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');
    }

    [Fact]
    public async Task Every_page_is_linked_from_the_README_or_from_a_page_that_is()
    {
        HashSet<string> seen = [];
        var rest = new Stack<string>(["README.md"]);
        while (rest.TryPop(out var page))
        {
            if (seen.Add(page))
            {
                var folder = Path.GetDirectoryName(Path.Combine(Root, page))!;
                foreach (var link in Links().Matches(await File.ReadAllTextAsync(Path.Combine(Root, page))).Select(m => m.Groups["target"].Value.Split('#')[0]).Where(l => l.EndsWith(".md", StringComparison.Ordinal) && !l.StartsWith("http", StringComparison.Ordinal)))
                {
                    rest.Push(Path.GetRelativePath(Root, Path.GetFullPath(Path.Combine(folder, link))).Replace('\\', '/'));
                }
            }
        }

        Assert.Empty(Pages.Except(seen));
    }

    [Fact]
    public async Task Every_block_of_commands_is_run_by_a_test_or_a_workflow()
    {
        List<string> missing = [];
        foreach (var page in Pages.Where(p => p != "docs/debugging.md")) // DebuggingTests runs all of that page
        {
            var heading = "";
            foreach (var line in await File.ReadAllLinesAsync(Path.Combine(Root, page)))
            {
                heading = line is ['#', ' ', ..] or ['#', '#', ' ', ..] ? line : heading;
                if (line == "```sh" && !Blocks.Any(b => (b.Page, b.Heading) == (page, heading)))
                {
                    missing.Add($"{page}: {heading}");
                }
            }
        }

        Assert.Empty(missing);
        Assert.All(Blocks.SelectMany(b => b.RunBy.Split(' ')), runner => Assert.True(
            runner.EndsWith(".yml", StringComparison.Ordinal) ? File.Exists(Path.Combine(Root, ".github", "workflows", runner)) : typeof(ReadmeTests).Assembly.GetType($"Hello.Tests.{runner}") is not null,
            $"There is no {runner}."));
    }

    private static string WithoutCode(string page) => Code().Replace(page, "");

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Links();

    [GeneratedRegex("(?ms)^```.*?^```")]
    private static partial Regex Code();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();

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
