namespace Hello.Tests;

/// <summary>The command <c>compare</c> on the real engine.</summary>
[Trait("Needs", "Engine")]
public sealed class CompareTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    /// <summary>Lines for <c>sh</c> that leave out <c>--no-cache</c>.</summary>
    private const string WithCache = """for argument do shift; [ "$argument" = --no-cache ] || set -- "$@" "$argument"; done""";

    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(12);

    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(3);

    /// <summary>It builds without cache, which takes a minute. So this test also compares what two builds of an image make.</summary>
    [Fact]
    public async Task It_prints_a_table_writes_its_files_leaves_nothing_else_behind_and_its_builds_make_the_same_files()
    {
        var before = await ListAsync();
        using var folder = new TempFolder();
        // One build without cache is enough for the test: the native binary of both scratch builds is the same.
        using var engine = await FakeEngine.BeforeDockerAsync($$"""case "$*" in *':scratch '*) ;; *) {{WithCache}} ;; esac""");
        string[] arguments = ["--runs", "1", "--load", "200", "--output", folder.FullName, "--limit", "Unpacked size=12MB", "--limit", "Processes=1"];
        await using var compare = new RunningProgram(CommandLine.Compare(arguments).WithEnvironmentVariables(engine.Environment));
        await compare.WaitForLineAsync(line => line.StartsWith("Run 1 of 1: ", StringComparison.Ordinal), BuildLimit);
        Assert.Equal(HelloImages.Specification.Length, engine.Calls.Count(call => call.StartsWith("build --load --no-cache ", StringComparison.Ordinal)));
        var built = (await ListAsync()).Except(before).ToArray();
        foreach (var image in HelloImages.Specification.Where(i => i.Files is not null))
        {
            var second = Assert.Single(built, name => name.EndsWith($":{image}", StringComparison.Ordinal));
            Assert.Equal(await DigestsAsync(hello.ImageId(image)), await DigestsAsync(second));
        }

        var (exitCode, output, error) = await compare.EndAsync(RunLimit);
        Assert.Equal(1, exitCode);
        var broken = Assert.Single(error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Matches(@"^error: alpine: Unpacked size is [\d,]+ B, above the limit of 12MB\.$", broken);
        Assert.Empty((await ListAsync()).Except(before));
        Assert.Equal(["comparison.html", "comparison.json", "comparison.md"], folder.Info.EnumerateFileSystemInfos().Select(f => f.Name).Order());
        var markdown = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "comparison.md"));
        var html = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "comparison.html"));
        var lines = output.Split('\n');
        Assert.All(Figure.All, figure =>
        {
            var row = Assert.Single(lines, l => l.StartsWith($"{figure.Name}  ", StringComparison.Ordinal));
            Assert.DoesNotContain("–", row, StringComparison.Ordinal);
            Assert.Contains($"\n| {figure.Name} | ", markdown, StringComparison.Ordinal);
            Assert.Contains($">{figure.Name}</th>", html, StringComparison.Ordinal);
        });
        Assert.Contains("\n| Capabilities | 14 | 0 (0×) | 0 (0×) |\n", markdown, StringComparison.Ordinal);
        // One run does not tell two values apart, so there is no ratio.
        Assert.Matches(@"\n\| Start to first hello( \| [\d,]*[05] ± 5 ms){3} \|\n", markdown);
        Assert.Matches(@"\n\| Memory after start( \| [\d.]+ MB){3} \|\n", markdown);
        Assert.Matches(@"\n\| Memory under load, peak( \| [\d.]+ MB){3} \|\n", markdown);
        Assert.Matches(@"\n\| Requests per second( \| [\d,.]+){3} \|\n", markdown);
        Assert.Matches(@"\n- Method: .* after [\d.]+ to [\d.]+ s to warm up", markdown);
        foreach (var image in HelloImages.Specification.Where(i => i.Files is not null))
        {
            var bytes = Format.Invariant($"{(await ImageArchive.ReadFilesAsync(hello.ImageId(image))).Sum(f => f.Content.Length):N0} B");
            Assert.Contains($" {bytes} ", markdown, StringComparison.Ordinal);
            Assert.Contains($">{bytes} ", html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Interrupted_it_leaves_nothing_behind_and_ends_with_130()
    {
        var before = await ListAsync();
        using var folder = new TempFolder();
        using var engine = await FakeEngine.BeforeDockerAsync($$"""if [ "$1 $2" = 'image save' ]; then exec sleep 300; fi; {{WithCache}}""");
        await using var compare = new RunningProgram(CommandLine.Compare("compare", "--output", folder.FullName).WithEnvironmentVariables(engine.Environment));
        // The first image is built and is being read, which takes until the signal comes.
        await compare.WaitForLineAsync(line => line == "Reading alpine ...", TimeSpan.FromMinutes(3));
        Assert.NotEmpty((await ListAsync()).Except(before));
        await compare.SignalAsync("INT");
        var (exitCode, _, error) = await compare.EndAsync(TimeSpan.FromMinutes(1));

        Assert.Equal(130, exitCode);
        Assert.EndsWith("\nerror: Interrupted. Nothing was written.", error, StringComparison.Ordinal);
        Assert.Empty((await ListAsync()).Except(before));
        Assert.Empty(folder.Info.EnumerateFileSystemInfos());
    }

    [Fact]
    public async Task A_build_that_fails_is_one_line_and_the_rest_is_measured()
    {
        var before = await ListAsync();
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "Dockerfile-good"), $"FROM {HelloImages.Specification[^1].Reference}\n");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "Dockerfile-broken"), "FROM scratch\nCOPY nowhere /\n");
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        List<string> errors = [];
        var run = new ComparisonRun(ContainerEngine.FromEnvironment(), runs: 1, loadMilliseconds: 200, TimeSpan.FromMinutes(1), _ => { }, errors.Add);
        var result = await run.MeasureAsync(
            [.. ((string[])["good", "broken"]).Select(name => ComparedImage.Of(HelloImage.Of(folder.FullName, name)))], limit.Token);

        Assert.Matches("^broken could not be measured: 'docker build .*nowhere.*$", Assert.Single(result.Failures));
        Assert.All(Figure.All, figure => Assert.NotNull(figure.Of(result.Images[0])));
        Assert.Empty(errors);
        Assert.False(result.LeftBehind);
        Assert.Empty((await ListAsync()).Except(before));
    }

    private static Task<string[]> ListAsync() =>
        EngineContents.ListOfComparisonsAsync(HelloImages.Specification.Select(image => image.Resource));

    private static async Task<IEnumerable<(string Path, string Digest)>> DigestsAsync(string reference) =>
        (await ImageArchive.ReadFilesAsync(reference)).Select(f => (f.Path, Convert.ToHexStringLower(SHA256.HashData(f.Content))));
}
