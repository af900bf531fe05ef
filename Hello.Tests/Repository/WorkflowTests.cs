using YamlDotNet.Serialization;

namespace Hello.Tests;

/// <summary>
/// Checks of the workflows that no linter makes, most of them because a linter does not know this repository's names. lint.yml runs
/// actionlint (syntax, expressions, scripts) and zizmor (permissions, pinned actions, triggers).
/// </summary>
public sealed partial class WorkflowTests
{
    private static readonly string Root = RepositoryFolder.Find();

    private static readonly (string Name, JsonElement Content)[] Workflows =
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, ".github", "workflows"))
            .Select(file => (Path.GetFileName(file), ParseYaml(File.ReadAllText(file)))),
    ];

    private static IEnumerable<JsonElement> Jobs => Workflows.SelectMany(workflow => JobsOf(workflow.Content));

    internal static IEnumerable<string> ScriptLines => Jobs.SelectMany(StepsOf)
        .Where(step => step.TryGetProperty("run", out _))
        .SelectMany(step => step.GetProperty("run").GetString()!.Split('\n', StringSplitOptions.TrimEntries));

    internal static IEnumerable<string> ScriptsOf(string workflow) => JobsOf(Workflows.Single(w => w.Name == workflow).Content).SelectMany(StepsOf)
        .Where(step => step.TryGetProperty("run", out _)).Select(step => step.GetProperty("name").GetString()!);

    internal static string StepOf(string workflow, string name) => JobsOf(Workflows.Single(w => w.Name == workflow).Content).SelectMany(StepsOf)
        .Single(step => step.TryGetProperty("name", out var found) && found.GetString() == name).GetProperty("run").GetString()!;

    [Fact]
    public void A_job_for_the_images_has_all_of_them()
    {
        var matrices = from job in Jobs
                       where job.TryGetProperty("strategy", out var strategy) && strategy.GetProperty("matrix").TryGetProperty("image", out _)
                       select job.GetProperty("strategy").GetProperty("matrix").GetProperty("image").EnumerateArray().Select(i => i.GetString());
        var saved = Reference().Matches(StepOf("build.yml", "Save the images")).Select(reference => reference.Value);

        Assert.NotEmpty(matrices);
        Assert.All(matrices, images => Assert.Equal(HelloImages.Specification.Select(i => i.Resource), images));
        Assert.Equal(HelloImages.Specification.Select(i => i.Reference), saved);
    }

    /// <summary>Reads YAML as JSON. Each value is text.</summary>
    internal static JsonElement ParseYaml(string text)
    {
        var yaml = new DeserializerBuilder().Build().Deserialize<object>(text);
        return JsonElement.Parse(new SerializerBuilder().JsonCompatible().Build().Serialize(yaml));
    }

    private static IEnumerable<JsonElement> JobsOf(JsonElement workflow) => workflow.GetProperty("jobs").EnumerateObject().Select(job => job.Value);

    private static IEnumerable<JsonElement> StepsOf(JsonElement job) => job.TryGetProperty("steps", out var steps) ? steps.EnumerateArray() : [];

    [GeneratedRegex(@"demo-app:[\w.-]+")]
    private static partial Regex Reference();
}
