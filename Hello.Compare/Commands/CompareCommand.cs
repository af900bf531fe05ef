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
        var readme = new Option<bool>("--readme") { Description = "Also write the table into README.md" };
        command.Options.Add(output);
        command.Options.Add(runs);
        command.Options.Add(readme);
        command.WithAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(runs), parsed.GetValue(output), parsed.GetValue(readme), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int runs, DirectoryInfo? output, bool intoReadme, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        var folder = output?.FullName ?? Path.Combine(root, "artifacts");
        var (markdownFile, pageFile, readmeFile) = (Path.Combine(folder, "comparison.md"), Path.Combine(folder, "comparison.html"), Path.Combine(root, "README.md"));

        CommandExtensions.CheckWritable(markdownFile);
        CommandExtensions.CheckWritable(pageFile);
        if (intoReadme)
        {
            CommandExtensions.CheckWritable(readmeFile);
            ReadmeTable.Replace(await File.ReadAllTextAsync(readmeFile, cancellationToken), ReadmeTable.Comparison, "");
        }

        var engine = ContainerEngine.FromEnvironment();
        using var inspector = new ImageInspector(engine);
        var result = await new ComparisonRun(engine, inspector, runs, CommandExtensions.Progress, CommandExtensions.Error).MeasureAsync(HelloImage.FindAll(root), cancellationToken);

        var markdown = ComparisonMarkdown.Write(result);
        await File.WriteAllTextAsync(markdownFile, markdown, CancellationToken.None);
        await File.WriteAllTextAsync(pageFile, ComparisonPage.Write(result), CancellationToken.None);
        if (intoReadme)
        {
            await File.WriteAllTextAsync(readmeFile, ReadmeTable.Replace(await File.ReadAllTextAsync(readmeFile, CancellationToken.None), ReadmeTable.Comparison, markdown), CancellationToken.None);
        }

        Console.WriteLine();
        Console.WriteLine(new Table(["", .. result.Images.Select(i => i.Build.Name)], ComparisonTable.Rows(result.Images)).ToText());
        Console.WriteLine($"Written: {markdownFile}, {pageFile}{(intoReadme ? $", {readmeFile}" : "")}");
        foreach (var failure in result.Failures)
        {
            CommandExtensions.Error(failure);
        }

        return result.Failures.Count == 0 && !result.LeftBehind ? 0 : 1;
    }
}
