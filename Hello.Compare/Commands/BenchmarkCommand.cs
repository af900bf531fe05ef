using System.CommandLine;
using Hello.Compare.Benchmark;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Compare.Commands;

/// <summary>The command <c>benchmark</c>.</summary>
internal static class BenchmarkCommand
{
    public static Command Create()
    {
        var runs = CommandExtensions.Number("--runs", "How often each image is put under load, 1 to 100", 3);
        var starts = CommandExtensions.Number("--starts", "How often each image is started, 1 to 100", 40);
        var images = new Option<string?>("--images") { Description = "The images to measure: the suffixes of their Dockerfiles, separated by commas [default: all]", HelpName = "A,B,…" };
        var against = new Option<string?>("--against") { Description = "An image of this API that is there already, to measure in the same run", HelpName = "IMAGE" };
        var readme = new Option<bool>("--readme") { Description = "Also write the five figures of what a user gains into docs/benchmark.md" };
        const string About = "Compares the images with the walkthrough's Go application and bare ASP.NET Core, and writes artifacts/benchmark.md";
        var command = new Command("benchmark", About) { runs, starts, images, against, readme };
        command.WithAction((parsed, cancellationToken) =>
            RunAsync(parsed.GetValue(runs), parsed.GetValue(starts), parsed.GetValue(images)?.Split(','), parsed.GetValue(against), parsed.GetValue(readme), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int runs, int starts, string[]? names, string? against, bool intoPage, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        string[] known = [.. HelloImage.FindAll(root).Select(i => i.Name)];
        string[] chosen = [.. names?.Distinct() ?? known];
        string[] problems =
        [
            .. chosen.Except(known).ToArray() is { Length: > 0 } unknown ? [$"--images knows no '{string.Join("', '", unknown)}'. Choose from: {string.Join(',', known)}"] : Array.Empty<string>(),
            .. Machine.Missing(),
        ];
        if (problems.Length > 0)
        {
            Array.ForEach(problems, CommandExtensions.Error);
            return 1;
        }

        var file = Path.Combine(root, "artifacts", "benchmark.md");
        CommandExtensions.CheckWritable(file);
        var page = Path.Combine(root, "docs", "benchmark.md");
        if (intoPage)
        {
            CommandExtensions.CheckWritable(page);
            await MarkedPart.ReplaceInFileAsync(page, MarkedPart.Benchmark, "", write: false, cancellationToken);
        }

        var (markdown, forPage, leftBehind) = await new BenchmarkRun(root, Path.Combine(root, "Hello.Compare", "Benchmark"), runs, starts, ConsoleProgress.Report, CommandExtensions.Error)
            .MeasureAsync(chosen, against, cancellationToken);
        ConsoleProgress.Clear();
        await File.WriteAllTextAsync(file, markdown, CancellationToken.None);
        if (intoPage)
        {
            await MarkedPart.ReplaceInFileAsync(page, MarkedPart.Benchmark, forPage, write: true, CancellationToken.None);
        }

        Console.Write(markdown);
        return leftBehind ? 1 : 0;
    }
}
