using System.Text.Json;
using System.Text.RegularExpressions;
using Hello.Compare.Images;
using YamlDotNet.Serialization;

namespace Hello.Tests;

/// <summary>
/// Checks of the workflows that no linter makes, most of them because a linter does not know this repository's names.
/// lint.yml runs the linters. actionlint checks the syntax, the expressions, the called workflows and, with shellcheck, the
/// scripts. zizmor checks the permissions, the pinned actions, expressions in scripts, the credentials that a checkout
/// leaves, the triggers, and that each workflow has a concurrency group.
/// </summary>
public sealed partial class WorkflowTests
{
    private static readonly string Root = RepositoryFolder.Find();

    private static readonly string Folder = Path.Combine(Root, ".github", "workflows");

    private static readonly string[] All = [.. Directory.EnumerateFiles(Folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>All workflows, for a theory.</summary>
    public static TheoryData<string> Workflows => [.. All];

    /// <summary>GitHub's own limit is six hours. Neither linter asks for a shorter one.</summary>
    [Theory]
    [MemberData(nameof(Workflows))]
    public void Every_job_has_a_time_limit(string workflow) =>
        Assert.All(Jobs(Read(workflow)).Where(j => j.Value.TryGetProperty("steps", out _)), job => Assert.InRange(int.Parse(job.Value.GetProperty("timeout-minutes").ToString(), null), 1, 60));

    /// <summary>zizmor wants a concurrency group, but accepts <c>github.workflow</c> in its name. In a called workflow, that is the name of the caller: the called workflow would wait for its caller for ever.</summary>
    [Fact]
    public void Every_concurrency_group_has_a_name_of_its_own()
    {
        var groups = All.Select(w => Read(w).GetProperty("concurrency").GetProperty("group").GetString()!).ToArray();

        Assert.All(groups, group => Assert.Matches(@"^[a-z-]+-\$\{\{ github\.ref \}\}$", group));
        Assert.Equal(groups.Distinct(), groups);
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_matrix_of_images_has_all_of_them(string workflow)
    {
        var matrices = Jobs(Read(workflow)).Select(Images).Where(i => i.Length > 0);
        var saved = Jobs(Read(workflow)).SelectMany(Scripts).Where(s => s.StartsWith("docker image save", StringComparison.Ordinal)).Select(s => References().Matches(s).Select(m => m.Value));

        Assert.All(matrices, images => Assert.Equal(HelloImages.Specification.Select(i => i.Resource), images));
        Assert.All(saved, images => Assert.Equal(HelloImages.Specification.Select(i => i.Reference), images));
    }

    /// <summary>Native AOT cannot compile for another architecture.</summary>
    [Theory]
    [InlineData("build.yml", "build")]
    [InlineData("publish.yml", "image")]
    public void Each_architecture_is_built_on_a_machine_of_its_own(string workflow, string job)
    {
        var matrix = Read(workflow).GetProperty("jobs").GetProperty(job).GetProperty("strategy").GetProperty("matrix").GetProperty("include").EnumerateArray();

        Assert.Equal([("amd64", "ubuntu-24.04"), ("arm64", "ubuntu-24.04-arm")], matrix.Select(m => (m.GetProperty("architecture").GetString(), m.GetProperty("runner").GetString())));
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Every_file_that_a_step_names_exists(string workflow) =>
        Assert.All(Jobs(Read(workflow)).SelectMany(Texts).SelectMany(t => Paths().Matches(t)).Select(m => m.Value).Distinct(), path => Assert.True(Path.Exists(Path.Combine(Root, path)), $"There is no {path}."));

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Something_writes_every_artifact_that_a_step_names(string workflow)
    {
        // A page says which command writes an artifact, and shows the SBOM of one image. These files tell "dotnet test" where its results go.
        var readme = ReadmeTests.AllPages;
        var test = string.Concat(((string[])[".ci/run", "Directory.Build.props", "Hello.Tests/Hello.Tests.csproj"]).Select(f => File.ReadAllText(Path.Combine(Root, f))));
        foreach (var job in Jobs(Read(workflow)))
        {
            var texts = Texts(job).ToArray();
            Assert.All(texts.SelectMany(t => Artifacts().Matches(t)).Select(m => m.Value).Distinct(), artifact => Assert.True(
                readme.Contains($"`{SbomName().Replace(artifact, "sbom-scratch")}`", StringComparison.Ordinal)
                || test.Contains(artifact, StringComparison.Ordinal)
                || texts.Any(t => Regex.IsMatch(t, $@"(--output |output-file"": ""){Regex.Escape(artifact)}\b")),
                $"Nothing writes {artifact}."));
        }
    }

    /// <summary>A command such as <c>dotnet run --project Hello.Compare -- benchmark</c>. The AppHost has no commands.</summary>
    [Fact]
    public async Task Every_command_of_a_workflow_is_on_a_page_and_every_command_of_either_is_in_the_help()
    {
        var readme = ReadmeTests.AllPages;
        var workflows = All.SelectMany(w => Jobs(Read(w))).SelectMany(Scripts).SelectMany(s => Commands().Matches(s)).ToArray();
        Assert.NotEmpty(workflows);
        Assert.All(workflows, command => Assert.Contains(command.Value, readme, StringComparison.Ordinal));

        var help = (await CommandLine.TryAsync(CommandLine.Compare("--help"))).Output;
        Assert.All(workflows.Concat(Commands().Matches(readme)).Where(c => c.Groups["command"].Success), command =>
        {
            Assert.Equal("Hello.Compare", command.Groups["project"].Value);
            Assert.Matches($@"\n  {command.Groups["command"]}\s", help);
        });
    }

    /// <summary>No test runs them, because they need a cluster, which few machines have, or many minutes.</summary>
    [Theory]
    [InlineData("docs/deploy.md", "## Swarm", "console")]
    [InlineData("docs/deploy.md", "## Kubernetes", "console")]
    [InlineData("docs/deploy.md", "## How much it can take", "sh")]
    [InlineData("docs/debugging.md", "## On Kubernetes", "console")]
    public async Task Each_command_that_no_test_runs_is_run_by_a_workflow(string page, string heading, string language)
    {
        var commands = (await ReadmeTests.CommandsAsync(heading, page, language)).Split('\n');
        var steps = All.SelectMany(w => Jobs(Read(w))).SelectMany(Scripts).SelectMany(script => script.Split('\n')).Select(line => line.Trim().Replace("\"$URL\"", "http://127.0.0.1:8080/hello", StringComparison.Ordinal)).ToArray();

        Assert.All(commands, command => Assert.Contains(command, steps));
    }

    [Fact]
    public async Task The_gate_runs_the_test_command_of_the_README()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Root, "README.md"));
        var gate = await File.ReadAllTextAsync(Path.Combine(Root, ".ci", "run"));

        var test = Assert.Single(Regex.Matches(readme, @"^eng/setup\.sh && dotnet test$", RegexOptions.Multiline)).Value;
        Assert.Contains($"\n{test} ", gate, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publish_passes_only_build_arguments_that_every_Dockerfile_takes()
    {
        var arguments = Jobs(Read("publish.yml")).SelectMany(Scripts).SelectMany(s => BuildArguments().Matches(s)).Select(m => m.Groups["name"].Value).ToArray();

        Assert.Equal(["REVISION", "SOURCE"], arguments);
        foreach (var image in HelloImages.Specification)
        {
            var dockerfile = await File.ReadAllLinesAsync(Path.Combine(Root, $"Dockerfile-{image.Resource}"));
            Assert.All(arguments, argument => Assert.Contains($"ARG {argument}", dockerfile));
        }
    }

    /// <summary>The script of a step.</summary>
    internal static string StepOf(string workflow, string name) => Jobs(Read(workflow)).SelectMany(Steps)
        .Single(step => step.TryGetProperty("name", out var found) && found.GetString() == name).GetProperty("run").GetString()!;

    [GeneratedRegex(@"(?<![\w./*-])(\.ci/|\.github/|deploy/|eng/|Dockerfile-|Hello\.|global\.json)[\w./-]*")]
    private static partial Regex Paths();

    [GeneratedRegex(@"(?<![\w./-])artifacts/[\w.-]+")]
    private static partial Regex Artifacts();

    [GeneratedRegex("sbom-[a-z-]+")]
    private static partial Regex SbomName();

    [GeneratedRegex(@"dotnet run --project (?<project>[\w.]+)( -- (?<command>[a-z]+))?")]
    private static partial Regex Commands();

    [GeneratedRegex(@"--build-arg (?<name>\w+)=")]
    private static partial Regex BuildArguments();

    [GeneratedRegex(@"demo-app:[\w.-]+")]
    private static partial Regex References();

    private static JsonElement Read(string workflow)
    {
        var yaml = new DeserializerBuilder().Build().Deserialize<object>(File.ReadAllText(Path.Combine(Folder, workflow)));
        using var json = JsonDocument.Parse(new SerializerBuilder().JsonCompatible().Build().Serialize(yaml));
        return json.RootElement.Clone();
    }

    private static JsonProperty[] Jobs(JsonElement workflow) => [.. workflow.GetProperty("jobs").EnumerateObject()];

    private static JsonElement[] Steps(JsonProperty job) => job.Value.TryGetProperty("steps", out var steps) ? [.. steps.EnumerateArray()] : [];

    private static IEnumerable<string> Scripts(JsonProperty job) => Steps(job).Where(s => s.TryGetProperty("run", out _)).Select(s => s.GetProperty("run").GetString()!);

    /// <summary>The steps of a job as text, once for each image that the job runs for.</summary>
    private static IEnumerable<string> Texts(JsonProperty job)
    {
        string[] images = Images(job) is { Length: > 0 } all ? all : [""];
        return images.SelectMany(image => Steps(job).Select(step => step.GetRawText().Replace("$IMAGE", image, StringComparison.Ordinal).Replace("${{ matrix.image }}", image, StringComparison.Ordinal)));
    }

    private static string[] Images(JsonProperty job) =>
        job.Value.TryGetProperty("strategy", out var strategy) && strategy.GetProperty("matrix").TryGetProperty("image", out var images) ? [.. images.EnumerateArray().Select(i => i.GetString()!)] : [];
}
