using Hello.Compare.Engine;
using Hello.Compare.Images;

namespace Hello.Compare.Comparison;

/// <summary>The files that a comparison is written to.</summary>
public sealed class ComparisonFiles(string folder)
{
    /// <summary>The table and the conditions.</summary>
    public string Markdown { get; } = Path.Combine(folder, "comparison.md");

    /// <summary>The same with bars, for a browser.</summary>
    public string Page { get; } = Path.Combine(folder, "comparison.html");

    /// <summary>The same for programs.</summary>
    public string Json { get; } = Path.Combine(folder, "comparison.json");

    /// <summary>All files.</summary>
    public IReadOnlyList<string> All => [Markdown, Page, Json];

    /// <summary>Measures the builds of this API, as <c>dotnet run --project Hello.Compare</c> does, and writes the files.</summary>
    /// <param name="root">The folder of the Dockerfiles.</param>
    /// <param name="progress">Receives one line about each step, and about each failure.</param>
    /// <returns>The number of failures.</returns>
    /// <exception cref="MeasurementException">No engine answers.</exception>
    public async Task<int> MeasureBuildsAsync(ContainerEngine engine, ImageInspector inspector, string root, Action<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        Directory.CreateDirectory(folder);
        var result = await new ComparisonRun(engine, inspector, ComparisonRun.DefaultRuns, timeout: null, progress, progress).MeasureAsync([.. HelloImage.FindAll(root).Select(ComparedImage.Of)], cancellationToken);
        await WriteAsync(result);
        result.Failures.ToList().ForEach(progress);
        return result.Failures.Count;
    }

    /// <summary>Writes the files.</summary>
    /// <returns>The text of the Markdown file.</returns>
    internal async Task<string> WriteAsync(ComparisonResult result)
    {
        var markdown = ComparisonMarkdown.Write(result);
        await File.WriteAllTextAsync(Markdown, markdown);
        await File.WriteAllTextAsync(Page, ComparisonPage.Write(result));
        await File.WriteAllTextAsync(Json, ComparisonJson.Write(result));
        return markdown;
    }
}
