namespace Hello.Tests;

/// <summary>What the README and the pages of docs/ say.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Root = RepositoryFolder.Find();

    /// <summary>What runs the commands that no test reads from its page and no workflow has: a test with the same effect, or nobody.</summary>
    private static readonly string[] Exceptions =
    [
        "dotnet run --project Hello.AppHost", // AppHostProcessTests starts the program without the build
        "printf 'FROM alpine\\nRUN apk add --no-cache gdb\\n' | docker build -t gdb -", // it needs the registries of Docker and of Alpine
        "docker run --rm --pid container:$scratch --cap-add SYS_PTRACE --volume \"$PWD/artifacts/symbols:/symbols:ro\" gdb \\",
        "gdb --batch --pid 1 --eval-command 'thread apply all backtrace' /symbols/hello-api",
    ];

    /// <summary>All pages for people, relative to the repository.</summary>
    private static string[] Pages =>
    [
        .. Directory.EnumerateFiles(Root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md"))
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    /// <summary>The tables are written by <c>Hello.Compare --update-pages</c>. A figure that is new since then is missing.</summary>
    [Fact]
    public async Task The_comparison_has_all_figures_of_all_builds_and_its_date()
    {
        var title = $"\n| | {string.Join(" | ", HelloImages.Specification.Select(i => $"`{i.Resource}`"))} |\n";
        var (readme, page) = (await TableAsync("README.md"), await TableAsync("docs/compare.md"));

        Assert.All([readme, page], table => Assert.Contains(title, table, StringComparison.Ordinal));
        Assert.Matches(@"\nMeasured on 20\d\d-\d\d-\d\d\. ", readme);
        Assert.Matches(@"\n- Date: 20\d\d-\d\d-\d\d \d\d:\d\d UTC\n", page);
        Assert.All(Figure.All, figure => Assert.Matches($@"\n\| {Regex.Escape(figure.Name)} \| [^–]+ \| [^–]+ \| [^–]+ \|\n", page));

        static async Task<string> TableAsync(string page) =>
            (await File.ReadAllTextAsync(Path.Combine(Root, page))).Split("<!-- comparison -->")[1].Split("<!-- /comparison -->")[0];
    }

    [Fact]
    public async Task Every_link_leads_somewhere_and_a_link_leads_to_every_page()
    {
        List<string> broken = [];
        HashSet<string> linked = ["README.md"];
        foreach (var page in Pages)
        {
            var text = Code().Replace(await File.ReadAllTextAsync(Path.Combine(Root, page)), "");
            foreach (var link in Links().Matches(text).Select(m => m.Groups["target"].Value))
            {
                var (path, anchor) = link.Split('#') is [var before, var after] ? (before, after) : (link, null);
                var target = Path.GetFullPath(Path.Combine(Root, path.Length == 0 ? page : Path.Combine(Path.GetDirectoryName(page)!, path)));
                linked.Add(Path.GetRelativePath(Root, target).Replace('\\', '/'));
                if (!Path.Exists(target) || (anchor is not null && !AnchorsOf(target).Contains(anchor)))
                {
                    broken.Add($"{page} links to {link}, which does not exist.");
                }
            }
        }

        Assert.Empty(broken);
        Assert.Empty(Pages.Except(linked));

        // https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/node_filter/table_of_contents_filter.rb
        static IEnumerable<string> AnchorsOf(string file) => File.ReadLines(file)
            .Where(line => line.StartsWith('#'))
            .Select(heading => NotInAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'));
    }

    /// <summary>A command that nothing runs would go out of date.</summary>
    [Fact]
    public void Every_command_is_read_from_its_page_by_a_test_or_run_by_a_workflow()
    {
        var byTests = Directory.EnumerateFiles(Path.Combine(Root, "Hello.Tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => ReadCommands().Matches(File.ReadAllText(file)))
            .Select(m => (m.Groups["page"] is { Success: true } page ? page.Value : "README.md", m.Groups["heading"].Value))
            .Concat(DebuggingPage.Headings.Select(heading => (DebuggingPage.Page, heading))).ToArray();
        var byWorkflows = WorkflowTests.ScriptLines.Concat(File.ReadLines(Path.Combine(Root, ".ci", "run")))
            .Select(line => line.Replace("\"$URL\"", "http://127.0.0.1:8080/hello", StringComparison.Ordinal)).ToArray();
        var missing = from page in Pages
                      from line in LinesOfBlocks(page)
                      where line.Language == "console" || (line.Language == "sh" && !byTests.Contains((page, line.Heading)))
                      from command in line.Text.Trim().Split(" && ")
                      where !Exceptions.Contains(command) && !byWorkflows.Any(one => $"{one} ".Contains($"{command} ", StringComparison.Ordinal))
                      select $"{page}: {command}";

        Assert.Empty(missing);
    }

    /// <summary>The commands under a heading.</summary>
    /// <param name="page">The page, relative to the repository.</param>
    internal static Task<string> CommandsAsync(string heading, string page = "README.md")
    {
        var commands = LinesOfBlocks(page).Where(line => line.Heading == heading && line.Language == "sh").Select(line => line.Text).ToArray();
        Assert.NotEmpty(commands);
        return Task.FromResult(string.Join('\n', commands));
    }

    /// <summary>The lines of the blocks of a page. A block that not every machine can run, because it needs a cluster, is <c>console</c>.</summary>
    private static IEnumerable<(string Heading, string Language, string Text)> LinesOfBlocks(string page)
    {
        var (heading, language) = ("", (string?)null);
        foreach (var line in File.ReadLines(Path.Combine(Root, page)))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                language = language is null ? line[3..] : null;
            }
            else if (language is not null)
            {
                yield return (heading, language, line);
            }
            else if (line is ['#', ' ', ..] or ['#', '#', ' ', ..])
            {
                heading = line;
            }
        }
    }

    [GeneratedRegex(@"\]\((?<target>(?!http)[^)\s]+)\)")]
    private static partial Regex Links();

    [GeneratedRegex("(?ms)^```.*?^```")]
    private static partial Regex Code();

    [GeneratedRegex("""CommandsAsync\("(?<heading>[^"]+)"(, "(?<page>[^"]+)")?""")]
    private static partial Regex ReadCommands();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
