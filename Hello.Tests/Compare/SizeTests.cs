using System.Globalization;
using CliWrap;
using Hello.Compare.Images;
using Hello.Compare.Size;

namespace Hello.Tests;

/// <summary>The command <c>size</c> on the real engine and the real binary.</summary>
[Trait("Needs", "Engine")]
public sealed class SizeTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    /// <summary>What the names of its image and its container begin with.</summary>
    private const string Prefix = "hello-size-";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task The_report_adds_up_to_the_binary_which_is_within_its_budget()
    {
        var before = await EngineContents.ListAsync(Prefix);
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare("size"), Limit);

        Assert.True(exitCode == 0, $"It ended with {exitCode}: {error}");
        Assert.Empty((await EngineContents.ListAsync(Prefix)).Except(before));
        // "System.Private.CoreLib   4,307,522   +1,234"; two spaces in front of a namespace, none in front of an assembly.
        var rows = output.Split('\n').SkipWhile(l => !l.Trim().StartsWith("bytes", StringComparison.Ordinal)).Skip(1).TakeWhile(l => l.Length > 0)
            .Select(l => (IsAssembly: l[0] != ' ', Cells: l.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
            .Where(r => r.IsAssembly).Select(r => (Name: r.Cells[0], Bytes: long.Parse(r.Cells[1], NumberStyles.Number, CultureInfo.InvariantCulture))).ToArray();
        var bytes = (await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch")).Single(f => f.Path == "hello-api").Content.Length;
        Assert.Equal(("Total", bytes), rows[^1]);
        Assert.Equal(bytes, rows[..^1].Sum(r => r.Bytes));
        Assert.All(["Hello.Api", "System.Private.CoreLib", MstatReader.NativeData, SizeReport.Rest], name => Assert.Contains(rows, r => r.Name == name && r.Bytes > 0));
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public async Task Interrupted_it_leaves_nothing_behind_and_ends_with_the_signals_exit_code(string signal, int expected)
    {
        var before = await EngineContents.ListAsync(Prefix);
        // The image is another one, because its build takes a minute. Reading it takes until the signal comes.
        using var fake = await FakeEngine.BeforeDockerAsync($$"""
            case "$1 $2" in
                'container start') exec sleep 300 ;;
                'build --help') ;;
                'build '*) while [ "$1" != --tag ]; do shift; done; exec docker image tag {{hello.ImageId(HelloImages.Specification[^1])}} "$2" ;;
            esac
            """);
        await using var size = new RunningProgram(CommandLine.Compare("size").WithEnvironmentVariables(fake.Environment));
        await size.WaitForLineAsync(line => line == "Reading it ...", Limit);
        Assert.NotEmpty((await EngineContents.ListAsync(Prefix)).Except(before));
        await size.SignalAsync(signal);
        var (exitCode, _, error) = await size.EndAsync(Limit);

        Assert.Equal(expected, exitCode);
        Assert.EndsWith("\nerror: Interrupted. Nothing was written.", error, StringComparison.Ordinal);
        Assert.Empty((await EngineContents.ListAsync(Prefix)).Except(before));
    }

    [Fact]
    public async Task An_image_that_cannot_be_removed_is_named_and_the_exit_code_is_1()
    {
        var before = await EngineContents.ListAsync(Prefix);
        using var fake = await FakeEngine.BeforeDockerAsync("if [ \"$1 $2\" = 'image rm' ]; then echo 'Error: the disk is read-only' >&2; exit 1; fi");
        try
        {
            var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare("size").WithEnvironmentVariables(fake.Environment), Limit);

            Assert.Equal(1, exitCode);
            Assert.Contains("\nTotal ", output, StringComparison.Ordinal);
            var image = Assert.Single((await EngineContents.ListAsync(Prefix)).Except(before));
            Assert.StartsWith("hello-size-", image, StringComparison.Ordinal);
            Assert.Equal(
                $"error: The image {image} is left behind (Error: the disk is read-only). Remove it with: docker image rm {image}",
                Assert.Single(error.Split('\n'), line => line.StartsWith("error:", StringComparison.Ordinal)));
        }
        finally
        {
            foreach (var image in (await EngineContents.ListAsync(Prefix)).Except(before))
            {
                await CommandLine.DockerAsync("image", "rm", image);
            }
        }
    }
}
