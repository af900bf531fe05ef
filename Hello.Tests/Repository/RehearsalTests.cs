namespace Hello.Tests;

/// <summary>A release, as far as it can be made without GitHub and Sigstore.</summary>
[Trait("Needs", "Engine")]
[Trait("Needs", "Emulation")]
[Collection(nameof(CompiledForArm64))]
public sealed class RehearsalTests(CompiledForArm64 compiled)
{
    [FactIfInstalled("docker-registry", "jq", OnArm64 = true)]
    public async Task The_steps_of_a_release_make_images_that_answer_on_both_architectures_and_nothing_is_left()
    {
        using var folder = new TempFolder();
        var bash = Cli.Wrap("bash").WithArguments(["-euc", await ReadmeTests.CommandsAsync("## Rehearse a release", "docs/pipelines.md")])
            .WithWorkingDirectory(RepositoryFolder.Find()).WithEnvironmentVariables(variables => variables
                .Set("TMPDIR", folder.FullName).Set("REHEARSAL_COMPILED", compiled.Folder));
        var (exitCode, output, error) = await CommandLine.TryAsync(bash, TimeSpan.FromMinutes(20));
        Assert.True(exitCode == 0, $"It ended with {exitCode}: {output}\n{error}");

        Assert.All(
            ["alpine amd64", "scratch amd64", "scratch arm64", "scratch-nonroot amd64", "scratch-nonroot arm64"],
            image => Assert.Contains($"\n{image} answers {HelloImages.Greeting}\n", output, StringComparison.Ordinal));
        // Each script has run, or its name is among those left out.
        Assert.All(
            WorkflowTests.ScriptsOf("publish.yml").Concat(WorkflowTests.ScriptsOf("container-scan.yml")),
            script => Assert.Contains($": {script} (", output, StringComparison.Ordinal));
        Assert.Equal(["cosign"], Regex.Matches(output, @"(?m)^left out: .* \((\w+)\)$").Select(found => found.Groups[1].Value).Distinct());
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.FullName, "hello-*"));
        Assert.DoesNotContain("rehearsal", await CommandLine.DockerAsync("container", "ls", "--all"), StringComparison.Ordinal);
        Assert.DoesNotContain("/rehearsal/hello", await CommandLine.DockerAsync("image", "ls", "--all"), StringComparison.Ordinal);
    }
}
