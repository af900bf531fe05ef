using System.CommandLine;
using Hello.AppHost.Dashboard;
using Hello.AppHost.Engine;
using Hello.AppHost.Facts;

namespace Hello.AppHost.Comparison;

/// <summary>The command line <c>compare [--output DIR] [--runs N] [--readme]</c>.</summary>
internal static class CompareCommand
{
    /// <summary>Describes the command.</summary>
    /// <param name="builder">The model.</param>
    /// <returns>The command.</returns>
    public static Command Create(IDistributedApplicationBuilder builder)
    {
        var root = Path.GetFullPath("..", builder.AppHostDirectory);
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "Folder for comparison.md and comparison.html, made if need be",
            HelpName = "DIR",
            DefaultValueFactory = _ => new(Path.Combine(root, "artifacts")),
        };
        var runs = new Option<int>("--runs") { Description = "How often each image is started, 1 to 100; the figures are medians, of an even number the lower of the two in the middle", HelpName = "N", DefaultValueFactory = _ => 5 };
        runs.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, out var n) && n is >= 1 and <= 100))
            {
                result.AddError($"--runs must be a number from 1 to 100, not '{text}'.");
            }
        });
        var readme = new Option<bool>("--readme") { Description = "Put the table into README.md, too" };
        var compare = new Command("compare", "Builds the images without cache, runs and measures them, and writes the comparison")
        {
            output, runs, readme,
        };
        compare.SetAction("comparison", (parsed, cancellationToken) =>
            RunAsync(builder, parsed.GetValue(runs), parsed.GetValue(output)!, parsed.GetValue(readme) ? new FileInfo(Path.Combine(root, "README.md")) : null, cancellationToken));
        return compare;
    }

    private static async Task<int> RunAsync(IDistributedApplicationBuilder builder, int runs, DirectoryInfo output, FileInfo? readme, CancellationToken cancellationToken)
    {
        output.Create(); // before minutes of measuring, should it be impossible
        var engine = new ContainerEngine(builder.Configuration);
        using var inspector = new ImageInspector(engine);
        var result = await new ComparisonRun(engine, inspector, runs, line => Console.Error.WriteLine(line))
            .MeasureAsync([.. builder.Resources.HelloImages().Select(r => r.Image)], cancellationToken);

        var markdown = ComparisonMarkdown.Write(result);
        var (markdownFile, htmlFile) = (Path.Combine(output.FullName, "comparison.md"), Path.Combine(output.FullName, "comparison.html"));
        await File.WriteAllTextAsync(markdownFile, markdown, cancellationToken);
        await File.WriteAllTextAsync(htmlFile, ComparisonPage.Write(result), cancellationToken);
        if (readme is not null)
        {
            await File.WriteAllTextAsync(readme.FullName, ReadmeTable.Replace(await File.ReadAllTextAsync(readme.FullName, cancellationToken), markdown), cancellationToken);
        }

        Console.WriteLine();
        Console.WriteLine(ComparisonTable.Write(result.Images));
        Console.WriteLine($"Written: {markdownFile}, {htmlFile}{(readme is null ? "" : $", {readme.FullName}")}");
        foreach (var failure in result.Failures)
        {
            await Console.Error.WriteLineAsync($"error: {failure}");
        }

        return result.Failures.Count == 0 ? 0 : 1;
    }
}
