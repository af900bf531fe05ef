using Hello.Compare.Commands;

namespace Hello.Tests;

/// <summary>The line that says what Hello.Compare is doing.</summary>
public sealed class ConsoleProgressTests
{
    [Theory]
    [InlineData(0.4, 80, "Building scratch ...")]
    [InlineData(12.3, 80, "Building scratch ... (13 s)")]
    [InlineData(90, 80, "Building scratch ... (90 s)")]
    [InlineData(12.3, 20, "Building scratch ..")]
    [InlineData(12.3, 1, "")]
    public void It_has_the_step_and_its_time(double inStep, int width, string line) =>
        Assert.Equal(line, ConsoleProgress.Render("Building scratch ...", TimeSpan.FromSeconds(inStep), width));

    /// <summary>A terminal gets one line that is drawn again. script(1) of util-linux makes one.</summary>
    [FactIfInstalled("script")]
    public async Task A_terminal_has_one_line_that_is_erased_at_the_end_and_no_colours()
    {
        const string Version = """{"Client":{"Version":"1","Arch":"amd64"}}""";
        using var fake = await FakeEngine.CreateAsync($"case \"$1\" in container) ;; version) echo '{Version}' ;; *) sleep 1; exit 1 ;; esac");
        var program = CommandLine.Compare("--only", "--image", "one:1", "--image", "two:1", "--output", fake.Folder.FullName);
        var (exitCode, output, _) = await CommandLine.TryAsync(CliWrap.Cli.Wrap("script")
            .WithArguments(["--quiet", "--return", "--command", $"stty cols 60; {program.TargetFilePath} {program.Arguments}", "/dev/null"]).WithEnvironmentVariables(fake.Environment));

        Assert.Equal(1, exitCode);
        Assert.Contains("\rReading one:1 ... (", output, StringComparison.Ordinal);
        Assert.DoesNotContain("\nReading", output.Replace("\r\n", "\n", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\x1b\[[\d;]*m", output);
        Assert.All(output.Split('\r', '\n').Where(line => line.StartsWith("Reading", StringComparison.Ordinal)), line => Assert.InRange(line.Length, 1, 59));
    }
}
