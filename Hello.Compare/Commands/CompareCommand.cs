using System.CommandLine;
using Hello.Compare.Comparison;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Compare.Commands;

/// <summary>The command <c>compare</c>. The program also runs it if no command is named.</summary>
internal static class CompareCommand
{
    /// <summary>Adds the options and the action to a command.</summary>
    public static TCommand AddCompare<TCommand>(this TCommand command)
        where TCommand : Command
    {
        var output = new Option<DirectoryInfo?>("--output") { Description = "The folder for comparison.md, comparison.html and comparison.json [default: artifacts]", HelpName = "DIR" };
        var runs = CommandExtensions.Number("--runs", "How often each image is started, 1 to 100. The figures are medians: the middle value, or the lower of the two middle values", ComparisonRun.DefaultRuns);
        var readme = new Option<bool>("--readme") { Description = "Also write the table into docs/compare.md, and six lines of it into README.md" };
        var limits = new Option<string[]>("--limit") { Description = "End with exit code 1 if a figure of an image is above a limit: --limit \"Unpacked size=12MB\". May be given several times", HelpName = "FIGURE=VALUE" };
        var own = new OwnImageOptions();
        foreach (var option in (Option[])[output, runs, readme, limits, .. own.All])
        {
            command.Options.Add(option);
        }

        command.WithAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(runs), parsed.GetValue(output), parsed.GetValue(readme), [.. (parsed.GetValue(limits) ?? []).Select(Limit.Parse)], own.Read(parsed), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int runs, DirectoryInfo? output, bool intoReadme, Limit[] limits, OwnImages own, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        ComparedImage[] builds = [.. own.Only ? [] : HelloImage.FindAll(root).Select(ComparedImage.Of)];
        // An image of the user may have the name of a build.
        own = own with { Images = [.. own.Images.Select(image => builds.Any(b => b.Name == image.Name) ? image with { Name = $"{image.Name} (own)" } : image)] };
        ComparedImage[] images = [.. builds, .. own.Images];
        own.Check(images, intoReadme);
        var files = new ComparisonFiles(output?.FullName ?? Path.Combine(root, "artifacts"));
        string[] pages = intoReadme ? [Path.Combine(root, "README.md"), Path.Combine(root, "docs", "compare.md")] : [];

        Array.ForEach([.. files.All, .. pages], CommandExtensions.CheckWritable);
        foreach (var page in pages)
        {
            await MarkedPart.ReplaceInFileAsync(page, MarkedPart.Comparison, "", write: false, cancellationToken);
        }

        var engine = ContainerEngine.FromEnvironment();
        using var inspector = new ImageInspector(engine);
        var result = await new ComparisonRun(engine, inspector, runs, own.Timeout, ConsoleProgress.Report, CommandExtensions.Error).MeasureAsync(images, cancellationToken);
        ConsoleProgress.Clear();

        Console.WriteLine();
        Console.WriteLine(new Table(["", .. result.Images.Select(i => i.Name)], Figure.Rows(result.Images)).ToText(Console.IsOutputRedirected ? int.MaxValue : Console.WindowWidth));
        foreach (var image in result.Images.Where(image => image.Image is not null && own.Images.Any(o => o.Name == image.Name)))
        {
            Console.WriteLine(ImageContentsText.Write(image));
        }

        // What was measured is on the screen now, whatever becomes of the files.
        var markdown = await files.WriteAsync(result);
        foreach (var (page, text) in pages.Zip([ComparisonMarkdown.WriteShort(result), markdown]))
        {
            await MarkedPart.ReplaceInFileAsync(page, MarkedPart.Comparison, text, write: true, CancellationToken.None);
        }

        Console.WriteLine($"Written: {string.Join(", ", [.. files.All, .. pages])}");
        string[] broken = [.. result.Images.SelectMany(image => limits.Select(limit => limit.Check(image))).OfType<string>()];
        foreach (var failure in result.Failures.Concat(broken))
        {
            CommandExtensions.Error(failure);
        }

        return result.Failures.Count == 0 && broken.Length == 0 && !result.LeftBehind ? 0 : 1;
    }
}
