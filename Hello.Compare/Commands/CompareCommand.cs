using System.CommandLine;
using Hello.Compare.Comparison;

namespace Hello.Compare.Commands;

/// <summary>The command <c>compare</c>. The program also runs it if no command is named.</summary>
internal static class CompareCommand
{
    public static TCommand AddCompare<TCommand>(this TCommand command)
        where TCommand : Command
    {
        const string Files = "The folder for comparison.md, comparison.html and comparison.json [default: artifacts]";
        const string Runs = "How often each image is started, 1 to 100. The figures are medians: the middle value, or the lower of the two middle values";
        const string Limits = "End with exit code 1 if a figure of an image is above a limit: --limit \"Unpacked size=12MB\". May be given several times";
        var output = new Option<DirectoryInfo?>("--output") { Description = Files, HelpName = "DIR" };
        var runs = CommandExtensions.Number("--runs", Runs, ComparisonRun.DefaultRuns);
        var load = CommandExtensions.Number(
            "--load", "How many milliseconds of load are measured in each run, 100 to 100000", ComparisonRun.DefaultLoadMilliseconds, 100, 100_000);
        var updatePages = new Option<bool>("--update-pages") { Description = "Also write the table into docs/compare.md, and six lines of it into README.md" };
        var limits = new Option<string[]>("--limit") { Description = Limits, HelpName = "FIGURE=VALUE" };
        var own = new OwnImageOptions();
        foreach (var option in (Option[])[output, runs, load, updatePages, limits, .. own.All])
        {
            command.Options.Add(option);
        }

        command.WithAction((parsed, cancellationToken) =>
        {
            Limit[] all = [.. (parsed.GetValue(limits) ?? []).Select(Limit.Parse)];
            return RunAsync(
                parsed.GetValue(runs), parsed.GetValue(load), parsed.GetValue(output), parsed.GetValue(updatePages), all, own.Read(parsed), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        int runs, int load, DirectoryInfo? output, bool intoPages, Limit[] limits, OwnImages own, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        ComparedImage[] builds = [.. own.Only ? [] : HelloImage.FindAll(root).Select(ComparedImage.Of)];
        // An image of the user may have the name of a build.
        ComparedImage[] others = [.. own.Images.Select(image => builds.Any(b => b.Name == image.Name) ? image with { Name = $"{image.Name} (own)" } : image)];
        ComparedImage[] images = [.. builds, .. others];
        own.Check(images, intoPages);
        var files = new ComparisonFiles(output?.FullName ?? Path.Combine(root, "artifacts"));
        MarkedPart[] pages = intoPages ? [new(Path.Combine(root, "README.md"), "comparison"), new(Path.Combine(root, "docs", "compare.md"), "comparison")] : [];
        WholeFiles.Check([.. files.All, .. pages.Select(page => page.File)]);
        Array.ForEach(pages, page => page.PageWith(""));

        var run = new ComparisonRun(ContainerEngine.FromEnvironment(), runs, load, own.Timeout, CommandExtensions.Report, CommandExtensions.Error);
        var result = await run.MeasureAsync(images, cancellationToken);

        Console.WriteLine();
        var width = Console.IsOutputRedirected ? int.MaxValue : Console.WindowWidth;
        Console.WriteLine(new Table(["", .. result.Images.Select(i => i.Name)], Figure.Rows(result.Images, Figure.All)).ToText(width));
        foreach (var image in result.Images.Where(image => image.Image is not null && others.Any(o => o.Name == image.Name)))
        {
            Console.WriteLine(ImageContentsText.Write(image));
        }

        string[] texts = [ComparisonMarkdown.WriteShort(result), ComparisonMarkdown.Write(result)];
        string[] failures = [.. result.Failures, .. result.Images.SelectMany(image => limits.Select(limit => limit.Check(image))).OfType<string>()];
        Array.ForEach(failures, CommandExtensions.Error);
        // The result is on the screen before a file can fail.
        await WholeFiles.WriteAsync([.. files.Write(result), .. pages.Zip(texts, (page, text) => (page.File, page.PageWith(text)))]);
        Console.WriteLine($"Written: {string.Join(", ", [.. files.All, .. pages.Select(page => page.File)])}");
        return failures.Length == 0 && !result.LeftBehind ? 0 : 1;
    }
}
