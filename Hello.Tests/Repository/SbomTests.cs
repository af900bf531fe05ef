namespace Hello.Tests;

/// <summary>The SBOM names the packages in the binary. Nothing in an image from scratch does.</summary>
[Trait("Needs", "Engine")]
public sealed class SbomTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    private static readonly string Root = RepositoryFolder.Find();

    private static readonly string Program = Path.Combine(Root, "eng", "sbom", "Sbom.cs");

    [Fact]
    public async Task The_command_writes_the_SBOM_of_the_binary_in_the_image()
    {
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(Root, "artifacts")).FullName, "sbom-scratch.cdx.json");
        File.Delete(file);
        var command = await ReadmeTests.CommandsAsync("# Pipelines", "docs/pipelines.md");
        var summary = await CommandLine.RunAsync("bash", "-euc", $"cd \"$0\"; {command}", Root);

        using var sbom = JsonDocument.Parse(await File.ReadAllTextAsync(file));
        var binary = (await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch")).Single(f => f.Path == "hello-api").Content;
        var hash = sbom.RootElement.GetProperty("metadata").GetProperty("component").GetProperty("hashes")[0].GetProperty("content").GetString();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(binary)), hash);

        var components = sbom.RootElement.GetProperty("components").EnumerateArray()
            .Select(c => (Name: Text(c, "name"), Version: Text(c, "version"), Purl: Text(c, "purl"))).ToArray();
        var packages = components.Where(c => c.Purl.StartsWith("pkg:nuget/", StringComparison.Ordinal));
        Assert.All(packages, c => Assert.Equal($"pkg:nuget/{c.Name}@{c.Version}", c.Purl));
        Assert.All(components, c => Assert.Contains($"| {c.Name} | {c.Version} |", summary, StringComparison.Ordinal));
        // The runtime packs. No project references them, but the advisories about .NET name them.
        Assert.All(
            [
                @"^Microsoft\.AspNetCore\.App\.Runtime\.linux-", @"^Microsoft\.NETCore\.App\.Runtime\.linux-",
                @"^Microsoft\.NETCore\.App\.Runtime\.NativeAOT\.linux-", @"^runtime\.linux-.+\.Microsoft\.DotNet\.ILCompiler$",
            ],
            pattern => Assert.Single(components, c => Regex.IsMatch(c.Name, pattern)));
        // Alpine's C library. A stand-in for Alpine's image cannot tell its version.
        var hasLibrary = components.Any(c => c.Purl.StartsWith("pkg:apk/alpine/musl-dev@", StringComparison.Ordinal));
        Assert.NotEqual(hasLibrary, summary.Contains("Not listed: the C library", StringComparison.Ordinal));
        Assert.Contains(components, c => c.Name == "OpenTelemetry");

        static string Text(JsonElement component, string name) => component.GetProperty(name).GetString()!;
    }

    [Theory]
    [InlineData("alpine", "error: Dockerfile-alpine does not build a native binary, so it needs no SBOM. A scanner finds the packages in ")]
    [InlineData("debian", "error: There is no Dockerfile-debian; usage: ")]
    public async Task A_build_that_it_has_no_SBOM_for_is_one_clear_line(string name, string line)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync("dotnet", "run", Program, "--", name);

        Assert.Equal(1, exitCode);
        Assert.StartsWith(line, error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
        Assert.Empty(output);
    }
}
