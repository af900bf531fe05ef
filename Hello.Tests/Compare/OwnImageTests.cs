using CliWrap;
using Hello.Compare.Figures;

namespace Hello.Tests;

/// <summary>The command <c>compare</c> with images that are not ours: each gets its figures, or a reason in one line.</summary>
[Trait("Needs", "Engine")]
public sealed class OwnImageTests : IAsyncLifetime
{
    /// <summary>How long a container may take to its first answer. The slowest one here that answers needs one second.</summary>
    private const int Timeout = 4;

    private static readonly string[] Answering = ["other-port", "other-path", "wrapped", "large-layers"];

    /// <summary>By name: a Dockerfile, and what the line about an image says that cannot be measured.</summary>
    private static readonly Dictionary<string, (string Dockerfile, string? Reason)> Images = new()
    {
        // Its only port is exposed, so it needs no option.
        ["other-port"] = ("FROM scratch\nCOPY --from=demo-app:0.1-scratch /hello-api /app\nENV ASPNETCORE_HTTP_PORTS=5000\nEXPOSE 5000/tcp 5001/udp\nUSER 1234:5678\nENTRYPOINT [\"/app\"]\n", null),
        ["other-path"] = ("FROM demo-app:0.1-scratch\n", null),
        // Slow, a script, and two processes.
        ["wrapped"] = ("FROM demo-app:0.1-alpine\nRUN printf '#!/bin/sh\\nsleep 1; dotnet Hello.Api.dll & wait\\n' > /start && chmod 755 /start\nENTRYPOINT [\"/start\"]\n", null),
        ["large-layers"] = ("FROM demo-app:0.1-alpine\nRUN head -c 3000000 /dev/urandom > /big\nRUN rm /big\nRUN head -c 2000000 /dev/urandom > /open && chmod 4666 /open\n", null),
        ["wrong-path"] = ("FROM demo-app:0.1-scratch\n", "/hello/nobody is answered with 404, not with 200. Name another path with --path."),
        ["elsewhere"] = ("FROM demo-app:0.1-scratch\nENV ASPNETCORE_HTTP_PORTS=5000\n", "it listens on port 5000, not on 8080. Name the port with --port."),
        ["inside"] = ("FROM demo-app:0.1-scratch\nENV ASPNETCORE_URLS=http://127.0.0.1:8080\n", "it listens on port 8080 of 127.0.0.1 only, which nothing outside its container reaches. Make it listen on 0.0.0.0."),
        ["silent"] = ("FROM demo-app:0.1-scratch\nENV ASPNETCORE_URLS=http://unix:/socket\n", $"it did not listen on a port within {Timeout} s of the start. If it needs longer, give it more time with --timeout."),
        ["ends"] = ("FROM demo-app:0.1-scratch\nENV ASPNETCORE_HTTP_PORTS=web\n", "its container does not run: it ended with exit code 1. Its last line is: "),
        ["no-program"] = ("FROM demo-app:0.1-scratch\nENTRYPOINT [\"/nope\"]\n", "exec: \"/nope\": "),
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    /// <summary>Writes the Dockerfiles, and builds the images once for all tests.</summary>
    public async Task InitializeAsync()
    {
        await HelloApplication.BuildImagesAsync();
        await AtOnce.RunAsync(Images, async image =>
        {
            var dockerfile = Path.Combine(_folder.FullName, image.Key);
            await File.WriteAllTextAsync(dockerfile, image.Value.Dockerfile);
            await CommandLine.DockerAsync("build", "--quiet", "--file", dockerfile, "--tag", Tag(image.Key), _folder.FullName);
        });
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await CommandLine.TryAsync("docker", ["image", "rm", "--force", .. Images.Keys.Select(Tag)]);
        _folder.Delete(recursive: true);
    }

    /// <summary>One test, because it takes seconds to build the images.</summary>
    [Fact]
    public async Task Images_of_the_user_are_measured()
    {
        await Each_image_gets_its_figures_or_a_reason_in_one_line_and_nothing_is_left_behind();
        await The_command_of_the_pages_measures_an_image();
        await A_Dockerfile_is_built_and_measured_with_the_options_for_its_container();
    }

    private async Task Each_image_gets_its_figures_or_a_reason_in_one_line_and_nothing_is_left_behind()
    {
        var before = await ListAsync();
        var list = Path.Combine(_folder.FullName, "images.json");
        await File.WriteAllTextAsync(list, $"""[ {string.Join(", ", Images.Keys.Select(name => $$"""{ "name": "{{name}}", "image": "{{Tag(name)}}", "path": "{{(name == "other-path" ? "/health?a=b" : name == "wrong-path" ? "/hello/nobody" : "/hello")}}" }"""))} ]""");

        var (exitCode, output, error) = await CommandLine.TryAsync(
            // The tool reads images as streams, so it needs little memory, whatever their size: 96 MB.
            CommandLine.Compare("--only", "--runs", "1", "--timeout", $"{Timeout}", "--output", _folder.FullName, "--images", list, "--image", "hello-test-nobody:1").WithEnvironmentVariables(e => e.Set("DOTNET_GCHeapHardLimit", "0x6000000")),
            TimeSpan.FromMinutes(4));

        Assert.Equal(1, exitCode);
        var errors = error.Split('\n').Where(line => line.StartsWith("error: ", StringComparison.Ordinal)).ToArray();
        Assert.All(Images.Where(image => image.Value.Reason is not null), image =>
            Assert.Contains(image.Value.Reason!, Assert.Single(errors, line => line.StartsWith($"error: {image.Key} could not be measured: ", StringComparison.Ordinal)), StringComparison.Ordinal));
        Assert.Contains("error: hello-test-nobody:1 could not be measured: it is not on this machine. Pull it with 'docker pull hello-test-nobody:1', or build it.", errors);
        Assert.True(errors.Length == Images.Values.Count(image => image.Reason is not null) + 1, string.Join('\n', errors));

        var markdown = await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "comparison.md"));
        string[] head = Cells("| | ");
        Assert.Equal(["`hello-test-nobody:1`", .. Images.Keys.Select(name => $"`{name}`")], head);
        Assert.All(Answering, name => Assert.All(Figure.All.Where(f => f != Figure.BuildTime), figure => Assert.True(Of(figure, name) != "–", $"{name} has no {figure.Name}.")));
        Assert.Equal(("1234:5678", "1234:5678"), (Of(Figure.User, "other-port"), Of(Figure.Ids, "other-port")));
        Assert.StartsWith("2", Of(Figure.Processes, "wrapped"), StringComparison.Ordinal);
        Assert.Equal("not an ELF file", Of(Figure.Binary, "wrapped"));
        Assert.Equal("–", Of(Figure.Base, "hello-test-nobody:1"));
        Assert.StartsWith("3.0 MB", Of(Figure.Wasted, "large-layers"), StringComparison.Ordinal);

        Assert.Matches(@"\n- Reading: .*large-layers: [\d.]+ MB in [\d.]+ s.*; the memory of this program was [\d.]+ MB at most\n", markdown);

        var contents = output.Split("\nlarge-layers\n")[1].Split("\n\n")[0];
        Assert.Contains("  RUN head -c 3000000 /dev/urandom > /big\n", contents, StringComparison.Ordinal);
        Assert.Contains("     3.0 MB  big\n", contents, StringComparison.Ordinal);
        Assert.Contains("  setuid or setgid:\n    open\n", contents, StringComparison.Ordinal);
        Assert.Contains("  writable by every user:\n    open", contents, StringComparison.Ordinal);
        Assert.Empty((await ListAsync()).Except(before));

        string Of(Figure figure, string name) => Cells($"| {figure.Name} | ")[Array.IndexOf(head, $"`{name}`")];

        string[] Cells(string start) => Assert.Single(markdown.Split('\n'), line => line.StartsWith(start, StringComparison.Ordinal))[start.Length..].TrimEnd('|', ' ').Split(" | ");
    }

    private async Task The_command_of_the_pages_measures_an_image()
    {
        const string start = "dotnet run --project Hello.Compare -- ";
        var command = (await ReadmeTests.CommandsAsync("## Compare")).Split('\n').Last();
        Assert.Equal(command, await ReadmeTests.CommandsAsync("## Your own image", "docs/compare.md"));
        Assert.StartsWith(start, command, StringComparison.Ordinal);
        Assert.Contains("my-api:1.2", command, StringComparison.Ordinal);

        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(
            ["--only", "--runs", "1", "--output", _folder.FullName, .. command[start.Length..].Replace("my-api:1.2", Tag("other-path"), StringComparison.Ordinal).Split(' ')]));

        Assert.True(exitCode == 0, error);
        Assert.Matches(@"\nRequests per second +[\d,]+\n", output);
    }

    private async Task A_Dockerfile_is_built_and_measured_with_the_options_for_its_container()
    {
        var before = await ListAsync();
        var dockerfile = Path.Combine(_folder.FullName, "other-path");

        var (exitCode, output, error) = await CommandLine.TryAsync(
            CommandLine.Compare(
                "--only", "--runs", "1", "--output", _folder.FullName, "--dockerfile", dockerfile, "--port", "7000", "--path", "/hello", "--env", "ASPNETCORE_HTTP_PORTS=7000",
                "--run-arg=--cap-drop=ALL", "--run-arg=--user", "--run-arg=42:43"),
            TimeSpan.FromMinutes(2));

        Assert.True(exitCode == 0, error);
        Assert.Matches(@"\nUID:GID +42:43\n", output);
        Assert.Matches(@"\nCapabilities +0\n", output);
        Assert.Matches(@"\nBuild without cache +[\d.]+ s\n", output);
        Assert.Empty((await ListAsync()).Except(before));
    }

    /// <summary>What a comparison makes for these images. Another one may run at the same time.</summary>
    private static async Task<string[]> ListAsync() =>
        [.. (await EngineContents.ListAsync("hello-compare-")).Where(name => Images.Keys.Append("image-1").Any(image => name.EndsWith(image, StringComparison.Ordinal)))];

    private static string Tag(string name) => $"hello-test-own:{name}";
}
