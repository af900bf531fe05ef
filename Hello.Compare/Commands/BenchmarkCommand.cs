using System.CommandLine;
using Hello.Compare.Benchmark;

namespace Hello.Compare.Commands;

internal static class BenchmarkCommand
{
    public static Command Create()
    {
        var runs = CommandExtensions.Number("--runs", "How often each image is put under load, 1 to 100", 3);
        var starts = CommandExtensions.Number("--starts", "How often each image is started, 1 to 100", 40);
        var images = new Option<string?>("--images")
        {
            Description = "The images to measure: the suffixes of their Dockerfiles, separated by commas [default: all]",
            HelpName = "A,B,…",
        };
        var against = new Option<string?>("--against") { Description = "An image of this API that is there already, to measure in the same run", HelpName = "IMAGE" };
        var updatePages = new Option<bool>("--update-pages") { Description = "Also write the table into docs/benchmark.md" };
        const string About = "Compares the images with the walkthrough's Go application and bare ASP.NET Core, and writes artifacts/benchmark.md";
        var command = new Command("benchmark", About) { runs, starts, images, against, updatePages };
        command.WithAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(runs), parsed.GetValue(starts), parsed.GetValue(images)?.Split(','), parsed.GetValue(against), parsed.GetValue(updatePages), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int runs, int starts, string[]? names, string? against, bool intoPage, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        string[] known = [.. HelloImage.FindAll(root).Select(i => i.Name)];
        string[] chosen = [.. names?.Distinct() ?? known];
        if (chosen.Except(known).ToArray() is { Length: > 0 } unknown)
        {
            throw new MeasurementException($"--images knows no '{string.Join("', '", unknown)}'. Choose from: {string.Join(',', known)}");
        }

        if (Machine.Missing().ToArray() is { Length: > 0 } missing)
        {
            throw new MeasurementException(string.Join(' ', missing));
        }

        var file = Path.Combine(root, "artifacts", "benchmark.md");
        MarkedPart[] pages = intoPage ? [new(Path.Combine(root, "docs", "benchmark.md"), "benchmark")] : [];
        WholeFiles.Check([file, .. pages.Select(page => page.File)]);
        Array.ForEach(pages, page => page.PageWith(""));

        var run = new BenchmarkRun(root, Path.Combine(root, "Hello.Compare", "Benchmark"), runs, starts, CommandExtensions.Report, CommandExtensions.Error);
        var (markdown, leftBehind) = await run.MeasureAsync(chosen, against, cancellationToken);
        Console.Write(markdown);
        await WholeFiles.WriteAsync([(file, markdown), .. pages.Select(page => (page.File, page.PageWith(markdown)))]);
        return leftBehind ? 1 : 0;
    }
}
