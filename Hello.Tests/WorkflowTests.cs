using System.Text.Json;
using System.Text.RegularExpressions;
using Hello.Compare.Images;
using YamlDotNet.Serialization;

namespace Hello.Tests;

/// <summary>The workflows keep to what makes them safe, and name what there is.</summary>
public sealed partial class WorkflowTests
{
    private static readonly string Root = RepositoryFolder.Find();

    private static readonly string Folder = Path.Combine(Root, ".github", "workflows");

    private static readonly string[] All = [.. Directory.EnumerateFiles(Folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>All of them, for a theory.</summary>
    public static TheoryData<string> Workflows => [.. All];

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Nothing_is_permitted_but_what_a_job_asks_for(string workflow)
    {
        var root = Read(workflow);

        Assert.Equal("{}", root.GetProperty("permissions").GetRawText());
        Assert.All(Jobs(root), job => Assert.NotEmpty(Permissions(job)));
    }

    /// <summary>The code in a pull request is anybody's: https://docs.github.com/actions/reference/security/secure-use.</summary>
    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_pull_request_reaches_no_secret_and_writes_nothing_but_findings(string workflow)
    {
        var root = Read(workflow);
        var events = root.GetProperty("on").EnumerateObject().Select(e => e.Name).ToArray();

        Assert.DoesNotContain("pull_request_target", events);
        Assert.DoesNotContain("workflow_run", events);
        if (events.Contains("pull_request"))
        {
            Assert.DoesNotContain("secrets.", Text(workflow), StringComparison.Ordinal);
            Assert.DoesNotContain("github.token", Text(workflow), StringComparison.Ordinal);
            Assert.All(Jobs(root).SelectMany(Permissions), p => Assert.True(p is ("contents", "read") or ("security-events", "write"), $"{p} is too much."));
        }
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Every_job_has_a_time_limit(string workflow) =>
        Assert.All(Jobs(Read(workflow)).Where(j => j.Value.TryGetProperty("steps", out _)), job => Assert.InRange(int.Parse(job.Value.GetProperty("timeout-minutes").ToString(), null), 1, 60));

    [Fact]
    public void Every_workflow_has_a_concurrency_group_of_its_own_by_ref()
    {
        var groups = All.Select(w => Read(w).GetProperty("concurrency").GetProperty("group").GetString()!).ToArray();

        // github.workflow would be that of the caller, and the called one would wait for it for ever.
        Assert.All(groups, group => Assert.Matches(@"^[a-z-]+-\$\{\{ github\.ref \}\}$", group));
        Assert.Equal(groups.Length, groups.Distinct().Count());
    }

    [Fact]
    public void Every_action_is_pinned_to_a_commit_and_the_same_everywhere()
    {
        var uses = All.SelectMany(w => Uses().Matches(Text(w))).Select(m => m.Groups["what"].Value).ToArray();
        Assert.NotEmpty(uses);
        Assert.Equal(All.Sum(w => Jobs(Read(w)).Sum(j => (j.Value.TryGetProperty("uses", out _) ? 1 : 0) + Steps(j).Count(s => s.TryGetProperty("uses", out _)))), uses.Length);

        var remote = uses.Where(u => !u.StartsWith("./", StringComparison.Ordinal)).ToArray();
        Assert.All(remote, use => Assert.Matches(@"^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", use));
        Assert.All(remote.GroupBy(u => u.Split('@')[0]), action => Assert.Single(action.Distinct()));
        Assert.All(uses.Except(remote), local => Assert.True(File.Exists(Path.Combine(Root, local)), $"There is no {local}."));
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_checkout_leaves_no_credentials_behind(string workflow) =>
        Assert.All(
            Jobs(Read(workflow)).SelectMany(Steps).Where(s => s.TryGetProperty("uses", out var uses) && uses.GetString()!.StartsWith("actions/checkout@", StringComparison.Ordinal)),
            step => Assert.Equal("false", step.GetProperty("with").GetProperty("persist-credentials").ToString(), ignoreCase: true));

    /// <summary>An expression in a script is pasted into it before the shell sees it: https://docs.github.com/actions/concepts/security/script-injections.</summary>
    [Theory]
    [MemberData(nameof(Workflows))]
    public void No_script_holds_an_expression(string workflow) =>
        Assert.All(Jobs(Read(workflow)).SelectMany(Scripts), script => Assert.DoesNotContain("${{", script, StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_matrix_of_images_has_all_of_them(string workflow)
    {
        var matrices = Jobs(Read(workflow)).Select(Images).Where(i => i.Length > 0);
        var saved = Jobs(Read(workflow)).SelectMany(Scripts).Where(s => s.StartsWith("docker image save", StringComparison.Ordinal)).Select(s => References().Matches(s).Select(m => m.Value));

        Assert.All(matrices, images => Assert.Equal(HelloImages.Specification.Select(i => i.Resource), images));
        Assert.All(saved, images => Assert.Equal(HelloImages.Specification.Select(i => i.Reference), images));
    }

    /// <summary>Both architectures, and no machine that emulates one: Native AOT doesn't compile across.</summary>
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
    public async Task Every_file_and_command_of_ours_that_a_step_names_is_there(string workflow)
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Root, "README.md"));
        var gate = await File.ReadAllTextAsync(Path.Combine(Root, ".ci", "run"));
        foreach (var job in Jobs(Read(workflow)))
        {
            // A script that is run for each image is looked at for each.
            var images = Images(job) is { Length: > 0 } all ? all : [""];
            var texts = images.SelectMany(image => Steps(job).Select(step => step.GetRawText().Replace("$IMAGE", image, StringComparison.Ordinal).Replace("${{ matrix.image }}", image, StringComparison.Ordinal))).ToArray();

            foreach (var path in texts.SelectMany(t => Paths().Matches(t)).Select(m => m.Value).Distinct())
            {
                Assert.True(Path.Exists(Path.Combine(Root, path)), $"There is no {path}.");
            }

            foreach (var artifact in texts.SelectMany(t => Artifacts().Matches(t)).Select(m => m.Value).Distinct())
            {
                // The README says who writes it, of the SBOM for one image, or a step before does.
                Assert.True(
                    readme.Contains($"`{Regex.Replace(artifact, @"sbom-[a-z-]+", "sbom-scratch")}`", StringComparison.Ordinal) || texts.Any(t => Regex.IsMatch(t, $@"(--output |output-file"": ""){Regex.Escape(artifact)}\b")),
                    $"Nothing writes {artifact}.");
            }

            foreach (var command in texts.SelectMany(t => CompareCommands().Matches(t)).Select(m => m.Groups["command"].Value).Distinct())
            {
                var help = (await CommandLine.TryAsync(CommandLine.Compare("--help"))).Output;
                Assert.Matches($@"\n  {command} ", help);
                Assert.Contains($"dotnet run --project Hello.Compare -- {command}", readme, StringComparison.Ordinal);
            }
        }

        // .ci/run is the README's test command.
        var test = Assert.Single(Regex.Matches(readme, @"^eng/setup\.sh && dotnet test$", RegexOptions.Multiline)).Value;
        Assert.Contains($"\n{test} ", gate, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_published_is_built_with_arguments_that_the_Dockerfiles_take()
    {
        var arguments = Jobs(Read("publish.yml")).SelectMany(Scripts).SelectMany(s => BuildArguments().Matches(s)).Select(m => m.Groups["name"].Value).ToArray();

        Assert.Equal(["REVISION", "SOURCE"], arguments);
        foreach (var image in HelloImages.Specification)
        {
            var dockerfile = await File.ReadAllLinesAsync(Path.Combine(Root, $"Dockerfile-{image.Resource}"));
            Assert.All(arguments, argument => Assert.Contains($"ARG {argument}", dockerfile));
        }
    }

    [GeneratedRegex(@"^ *(- )?uses: (?<what>.+)$", RegexOptions.Multiline)]
    private static partial Regex Uses();

    [GeneratedRegex(@"(?<![\w./-])(\.ci/|eng/|Dockerfile[.-]|Hello\.|global\.json)[\w./-]*")]
    private static partial Regex Paths();

    [GeneratedRegex(@"(?<![\w./-])artifacts/[\w.-]+")]
    private static partial Regex Artifacts();

    [GeneratedRegex(@"--project Hello\.Compare -- (?<command>\w+)")]
    private static partial Regex CompareCommands();

    [GeneratedRegex(@"--build-arg (?<name>\w+)=")]
    private static partial Regex BuildArguments();

    [GeneratedRegex(@"demo-app:[\w.-]+")]
    private static partial Regex References();

    private static string Text(string workflow) => File.ReadAllText(Path.Combine(Folder, workflow));

    private static JsonElement Read(string workflow)
    {
        var yaml = new DeserializerBuilder().Build().Deserialize<object>(Text(workflow));
        using var json = JsonDocument.Parse(new SerializerBuilder().JsonCompatible().Build().Serialize(yaml));
        return json.RootElement.Clone();
    }

    private static JsonProperty[] Jobs(JsonElement workflow) => [.. workflow.GetProperty("jobs").EnumerateObject()];

    private static IEnumerable<JsonElement> Steps(JsonProperty job) => job.Value.TryGetProperty("steps", out var steps) ? steps.EnumerateArray() : [];

    private static IEnumerable<string> Scripts(JsonProperty job) => Steps(job).Where(s => s.TryGetProperty("run", out _)).Select(s => s.GetProperty("run").GetString()!);

    private static IEnumerable<(string Scope, string Access)> Permissions(JsonProperty job) => job.Value.GetProperty("permissions").EnumerateObject().Select(p => (p.Name, p.Value.GetString()!));

    /// <summary>The images that a job runs for.</summary>
    private static string[] Images(JsonProperty job) =>
        job.Value.TryGetProperty("strategy", out var strategy) && strategy.GetProperty("matrix").TryGetProperty("image", out var images) ? [.. images.EnumerateArray().Select(i => i.GetString()!)] : [];
}
