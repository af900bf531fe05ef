using CliWrap;

namespace Hello.Tests;

/// <summary>The command line of Hello.Compare: help and errors, for which it asks no engine.</summary>
public sealed class CompareCommandLineTests
{
    [Theory]
    [InlineData("", "Unrecognized command or argument '--fast'.", "--fast")]
    [InlineData("", "Unrecognized command or argument 'ledger'.", "ledger")]
    [InlineData("compare ", "Unrecognized command or argument '--fast'.", "compare", "--fast")]
    [InlineData("compare ", "--runs must be a number from 1 to 100, not '0'.", "compare", "--runs", "0")]
    [InlineData("", "--runs must be a number from 1 to 100, not 'many'.", "--runs", "many")]
    [InlineData("", "Required argument missing for option: '--output'.", "--output")]
    [InlineData("size ", "Unrecognized command or argument '--fast'.", "size", "--fast")]
    [InlineData("benchmark ", "--starts must be a number from 1 to 100, not '101'.", "benchmark", "--starts", "101")]
    public async Task A_wrong_option_is_one_line_that_names_the_help(string command, string reason, params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(arguments));

        Assert.Equal(1, exitCode);
        Assert.Equal($"error: {reason} See: dotnet run --project Hello.Compare -- {command}--help", error);
        Assert.Empty(output);
    }

    [Theory]
    [InlineData("compare|size|benchmark|--output <DIR>|--runs <N>|--readme|--help", "--help")]
    [InlineData("--output <DIR>|--runs <N>|--readme|--help", "compare", "--help")]
    [InlineData("Hello.Api/Size|--update|--help", "size", "--help")]
    [InlineData("--runs <N>|--starts <N>|--images <A,B,…>|--against <IMAGE>|--readme|--help", "benchmark", "--help")]
    public async Task Help_names_every_command_and_option(string expected, params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(arguments));

        Assert.True(exitCode == 0, error);
        Assert.All(expected.Split('|'), text => Assert.Contains(text, output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("compare")]
    [InlineData("size")]
    public async Task Without_an_engine_it_says_so_in_one_line(string command)
    {
        using var fake = await FakeEngine.CreateAsync("echo 'ERROR: no engine here' >&2; echo >&2; echo 'Start Docker Desktop' >&2; exit 1");
        var (exitCode, _, error) = await CommandLine.TryAsync(CommandLine.Compare(command).WithEnvironmentVariables(fake.Environment));

        Assert.Equal(1, exitCode);
        Assert.Equal("error: No container engine answers ('docker container ls --quiet --last 1' ended with 1: ERROR: no engine here): start one, or run eng/setup.sh.", error);
    }

    [Theory]
    [InlineData("compare", "ASPIRE_CONTAINER_RUNTIME")]
    [InlineData("size", "DOTNET_ASPIRE_CONTAINER_RUNTIME")]
    public async Task An_engine_that_nobody_knows_is_one_line(string command, string variable)
    {
        var (exitCode, _, error) = await CommandLine.TryAsync(
            CommandLine.Compare(command).WithEnvironmentVariables(new Dictionary<string, string?> { ["ASPIRE_CONTAINER_RUNTIME"] = "", [variable] = "no-such-engine" }));

        Assert.Equal(1, exitCode);
        Assert.Equal($"error: {variable} is 'no-such-engine', which is no known container engine. Set it to docker or podman, or remove it.", error);
    }
}
