namespace Hello.Tests;

/// <summary>The command <c>compare</c> with images that are not ours: each gets its figures. Odd ones are in <see cref="OddImageTests"/>.</summary>
[Trait("Needs", "Engine")]
public sealed class OwnImageTests : IAsyncLifetime
{
    /// <summary>Dockerfiles by name.</summary>
    private static readonly Dictionary<string, string> Images = new()
    {
        // Its only port is exposed, so it needs no option.
        ["other-port"] = """
            FROM scratch
            COPY --from=demo-app:0.1-scratch /hello-api /app
            ENV ASPNETCORE_HTTP_PORTS=5000
            EXPOSE 5000/tcp 5001/udp
            USER 1234:5678
            ENTRYPOINT ["/app"]
            """,
        ["other-path"] = "FROM demo-app:0.1-scratch",
        // Slow, a script, and two processes.
        ["wrapped"] = """
            FROM demo-app:0.1-alpine
            RUN printf '#!/bin/sh\nsleep 1; dotnet Hello.Api.dll & wait\n' > /start && chmod 755 /start
            ENTRYPOINT ["/start"]
            """,
        ["large-layers"] = """
            FROM demo-app:0.1-alpine
            RUN head -c 3000000 /dev/urandom > /big
            RUN rm /big
            RUN head -c 2000000 /dev/urandom > /open && chmod 4666 /open
            """,
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    /// <summary>Writes the Dockerfiles, and builds the images once for all tests.</summary>
    public async Task InitializeAsync()
    {
        await HelloApplication.BuildImagesAsync();
        await AtOnce.RunAsync(Images, async image =>
        {
            var dockerfile = Path.Combine(_folder.FullName, image.Key);
            await File.WriteAllTextAsync(dockerfile, image.Value);
            await CommandLine.DockerAsync("build", "--quiet", "--file", dockerfile, "--tag", Tag(image.Key), _folder.FullName);
        });
    }

    public async Task DisposeAsync()
    {
        await CommandLine.TryAsync("docker", ["image", "rm", "--force", .. Images.Keys.Select(Tag)]);
        _folder.Delete(recursive: true);
    }

    /// <summary>One test, because it takes seconds to build the images.</summary>
    [Fact]
    public async Task Images_of_the_user_are_measured()
    {
        await Each_image_gets_its_figures_and_nothing_is_left_behind();
        await The_command_of_the_pages_measures_an_image();
        await A_Dockerfile_is_built_and_measured_with_the_options_for_its_container();
        await The_builds_keep_the_limits_of_the_workflow();
    }

    private async Task Each_image_gets_its_figures_and_nothing_is_left_behind()
    {
        var before = await ListAsync();
        var list = Path.Combine(_folder.FullName, "images.json");
        await File.WriteAllTextAsync(list, JsonSerializer.Serialize(
            Images.Keys.Select(name => new { name, Image = Tag(name), Path = name == "other-path" ? "/health?a=b" : "/hello" })));

        var (exitCode, output, error) = await CommandLine.TryAsync(
            CommandLine.Compare("--only", "--runs", "1", "--load", "200", "--output", _folder.FullName, "--images", list, "--image", "hello-test-nobody:1")
                // The tool reads images as streams, so it needs little memory, whatever their size: 96 MB.
                .WithEnvironmentVariables(e => e.Set("DOTNET_GCHeapHardLimit", "0x6000000")),
            TimeSpan.FromMinutes(4));

        Assert.Equal(1, exitCode);
        Assert.Equal(
            "error: hello-test-nobody:1 could not be measured: it is not on this machine. "
                + "Pull it with 'docker pull hello-test-nobody:1', or build it.",
            Assert.Single(error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal)));

        var cells = new ComparisonCells(await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "comparison.md")));
        Assert.Equal(["hello-test-nobody:1", .. Images.Keys], cells.Images);
        Assert.All(Images.Keys, name => Assert.Equal([Figure.BuildTime.Name], cells.Missing(name)));
        Assert.Equal(("1234:5678", "1234:5678"), (cells.Of(Figure.User, "other-port"), cells.Of(Figure.Ids, "other-port")));
        Assert.StartsWith("2", cells.Of(Figure.Processes, "wrapped"), StringComparison.Ordinal);
        Assert.Equal("not an ELF file", cells.Of(Figure.Binary, "wrapped"));
        Assert.Equal("–", cells.Of(Figure.Base, "hello-test-nobody:1"));
        Assert.StartsWith("3.0 MB", cells.Of(Figure.Wasted, "large-layers"), StringComparison.Ordinal);

        var contents = output.Split("\nlarge-layers\n")[1].Split("\n\n")[0];
        Assert.Contains("  RUN head -c 3000000 /dev/urandom > /big\n", contents, StringComparison.Ordinal);
        Assert.Contains("     3.0 MB  big\n", contents, StringComparison.Ordinal);
        Assert.Contains("  setuid or setgid:\n    open\n", contents, StringComparison.Ordinal);
        Assert.Contains("  writable by every user:\n    open", contents, StringComparison.Ordinal);
        Assert.Empty((await ListAsync()).Except(before));
    }

    private async Task The_command_of_the_pages_measures_an_image()
    {
        const string start = "dotnet run --project Hello.Compare -- ";
        var command = (await ReadmeTests.CommandsAsync("## Compare")).Split('\n').Last();
        Assert.Equal(command, await ReadmeTests.CommandsAsync("## Your own image", "docs/compare.md"));
        Assert.StartsWith(start, command, StringComparison.Ordinal);
        Assert.Contains("my-api:1.2", command, StringComparison.Ordinal);

        Assert.Matches(@"\nRequests per second +[\d,]+\n", await CompareAsync(command.Replace("my-api:1.2", Tag("other-path"), StringComparison.Ordinal)));
        command = await ReadmeTests.CommandsAsync("## In a pipeline", "docs/compare.md");
        await CompareAsync(command.Replace("my-api:1.2", Tag("other-path"), StringComparison.Ordinal));
    }

    /// <summary>On this machine, and on both architectures in the workflow.</summary>
    /// <remarks>The limits of times are for the workflow's machine, on which nothing else runs.</remarks>
    private Task<string> The_builds_keep_the_limits_of_the_workflow() =>
        CompareAsync(Regex.Replace(WorkflowTests.StepOf("build.yml", "Hold the images to their limits"), "=[0-9]+(ms|s)\"", "=10min\""));

    /// <summary>Runs a shell's lines. Each image is started once.</summary>
    private async Task<string> CompareAsync(string script)
    {
        var command = CommandLine.Compare("--only", "--output", _folder.FullName);
        var file = Path.Combine(_folder.FullName, "script");
        await File.WriteAllTextAsync(file, "set -euo pipefail\n" + script.Replace("--runs 3", "", StringComparison.Ordinal).Replace(
            "dotnet run --project Hello.Compare --", $"{command.TargetFilePath} {command.Arguments} --runs 1 --load 200", StringComparison.Ordinal)
            .Replace("--output artifacts/limits", "", StringComparison.Ordinal));
        return await CommandLine.RunAsync("bash", file);
    }

    private async Task A_Dockerfile_is_built_and_measured_with_the_options_for_its_container()
    {
        var before = await ListAsync();
        var dockerfile = Path.Combine(_folder.FullName, "other-path");

        var (exitCode, output, error) = await CommandLine.TryAsync(
            CommandLine.Compare(
                "--only", "--runs", "1", "--load", "200", "--output", _folder.FullName, "--dockerfile", dockerfile, "--port", "7000", "--path", "/hello",
                "--env", "ASPNETCORE_HTTP_PORTS=7000", "--run-arg=--cap-drop=ALL", "--run-arg=--user", "--run-arg=42:43"),
            TimeSpan.FromMinutes(2));

        Assert.True(exitCode == 0, error);
        Assert.Matches(@"\nUID:GID +42:43\n", output);
        Assert.Matches(@"\nCapabilities +0\n", output);
        Assert.Matches(@"\nBuild without cache +[\d.]+ s\n", output);
        Assert.Empty((await ListAsync()).Except(before));
    }

    private static Task<string[]> ListAsync() => EngineContents.ListOfComparisonsAsync(Images.Keys.Append("image-1"));

    private static string Tag(string name) => $"hello-test-own:{name}";
}
