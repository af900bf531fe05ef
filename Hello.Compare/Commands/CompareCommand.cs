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
        var output = new Option<DirectoryInfo?>("--output") { Description = "The folder for comparison.md and comparison.html [default: artifacts]", HelpName = "DIR" };
        var runs = CommandExtensions.Number("--runs", "How often each image is started, 1 to 100. The figures are medians: the middle value, or the lower of the two middle values", 5);
        var readme = new Option<bool>("--readme") { Description = "Also write the table into docs/compare.md, and five lines of it into README.md" };
        var own = new OwnImageOptions();
        foreach (var option in (Option[])[output, runs, readme, .. own.All])
        {
            command.Options.Add(option);
        }

        command.WithAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(runs), parsed.GetValue(output), parsed.GetValue(readme), own.Read(parsed), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int runs, DirectoryInfo? output, bool intoReadme, OwnImages own, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        ComparedImage[] images = [.. own.Only ? [] : HelloImage.FindAll(root).Select(ComparedImage.Of), .. own.Images];
        own.Check(images, intoReadme);
        var folder = output?.FullName ?? Path.Combine(root, "artifacts");
        var (markdownFile, pageFile) = (Path.Combine(folder, "comparison.md"), Path.Combine(folder, "comparison.html"));
        string[] pages = intoReadme ? [Path.Combine(root, "README.md"), Path.Combine(root, "docs", "compare.md")] : [];

        CommandExtensions.CheckWritable(markdownFile);
        CommandExtensions.CheckWritable(pageFile);
        foreach (var page in pages)
        {
            CommandExtensions.CheckWritable(page);
            await MarkedPart.ReplaceInFileAsync(page, MarkedPart.Comparison, "", write: false, cancellationToken);
        }

        var engine = ContainerEngine.FromEnvironment();
        using var inspector = new ImageInspector(engine);
        var result = await new ComparisonRun(engine, inspector, runs, own.Timeout, ConsoleProgress.Report, CommandExtensions.Error) { Done = ConsoleProgress.ReportDone }.MeasureAsync(images, cancellationToken);
        ConsoleProgress.Clear();

        var markdown = ComparisonMarkdown.Write(result);
        await File.WriteAllTextAsync(markdownFile, markdown, CancellationToken.None);
        await File.WriteAllTextAsync(pageFile, ComparisonPage.Write(result), CancellationToken.None);
        foreach (var (page, text) in pages.Zip([ComparisonMarkdown.WriteShort(result), markdown]))
        {
            await MarkedPart.ReplaceInFileAsync(page, MarkedPart.Comparison, text, write: true, CancellationToken.None);
        }

        Console.WriteLine();
        Console.WriteLine(new Table(["", .. result.Images.Select(i => i.Name)], ComparisonTable.Rows(result.Images)).ToText(Console.IsOutputRedirected ? int.MaxValue : Console.WindowWidth));
        foreach (var image in result.Images.Where(image => image.Image is not null && own.Images.Any(o => o.Name == image.Name)))
        {
            Console.WriteLine(ImageContentsText.Write(image));
        }

        Console.WriteLine($"Written: {string.Join(", ", [markdownFile, pageFile, .. pages])}");
        foreach (var failure in result.Failures)
        {
            CommandExtensions.Error(failure);
        }

        return result.Failures.Count == 0 && !result.LeftBehind ? 0 : 1;
    }
}
