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

    internal IReadOnlyList<string> All => [Markdown, Page, Json];

    /// <summary>Measures the builds of this API, as <c>dotnet run --project Hello.Compare</c> does, and writes the files.</summary>
    /// <param name="root">The folder of the Dockerfiles.</param>
    /// <param name="progress">Receives one line about each step, and about each failure.</param>
    /// <returns>The number of failures.</returns>
    /// <exception cref="MeasurementException">No engine answers.</exception>
    public async Task<int> MeasureBuildsAsync(ContainerEngine engine, string root, Action<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        WholeFiles.Check(All);
        ComparedImage[] builds = [.. HelloImage.FindAll(root).Select(ComparedImage.Of)];
        var run = new ComparisonRun(engine, ComparisonRun.DefaultRuns, ComparisonRun.DefaultLoadMilliseconds, timeout: null, progress, progress);
        var result = await run.MeasureAsync(builds, cancellationToken);
        await WholeFiles.WriteAsync(Write(result));
        result.Failures.ToList().ForEach(progress);
        return result.Failures.Count;
    }

    /// <summary>The texts of the files.</summary>
    internal IReadOnlyList<(string File, string Text)> Write(ComparisonResult result) =>
        [(Markdown, ComparisonMarkdown.Write(result)), (Page, ComparisonPage.Write(result)), (Json, ComparisonJson.Write(result))];
}
