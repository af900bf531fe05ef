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
    [InlineData("", "--port must be a number from 1 to 65535, not 'http'.", "--port", "http")]
    [InlineData("", "--timeout must be a number from 1 to 3600, not '0'.", "--timeout", "0")]
    [InlineData("", "--runs must be a number from 1 to 100, not 'many'.", "--runs", "many")]
    [InlineData("", "Required argument missing for option: '--output'.", "--output")]
    [InlineData("benchmark ", "--starts must be a number from 1 to 100, not '101'.", "benchmark", "--starts", "101")]
    public async Task A_wrong_option_is_one_line_that_names_the_help(string command, string reason, params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(arguments));

        Assert.Equal(1, exitCode);
        Assert.Equal($"error: {reason} See: dotnet run --project Hello.Compare -- {command}--help", error);
        Assert.Empty(output);
    }

    /// <summary>The engine is not asked, because nothing can be measured.</summary>
    [Theory]
    [InlineData("--only leaves out the three builds, and there is no other image. Name one with --image or --dockerfile.", "--only")]
    [InlineData("--readme writes the three builds only. Leave out --readme, or the images of your own.", "--readme", "--image", "a:1")]
    [InlineData("a:1 is there twice. Name each image once, or give it a name of its own in a file for --images.", "--image", "a:1", "--image", "a:1")]
    [InlineData("the path 'hello' cannot be asked. Begin it with a slash, and write spaces and other letters as %20.", "--image", "a:1", "--path", "hello")]
    [InlineData("the path '/a b' cannot be asked. Begin it with a slash, and write spaces and other letters as %20.", "--image", "a:1", "--path", "/a b")]
    [InlineData("'NAME' is no variable. Write NAME=VALUE.", "--image", "a:1", "--env", "NAME")]
    [InlineData("'' is no name of an image.", "--image", "")]
    [InlineData("There is no Dockerfile /nope/Dockerfile.", "--dockerfile", "/nope/Dockerfile")]
    public async Task Images_that_cannot_be_measured_are_one_line(string reason, params string[] arguments)
    {
        using var fake = await FakeEngine.CreateAsync("exit 1");
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(arguments).WithEnvironmentVariables(fake.Environment));

        Assert.Equal((1, "", $"error: {reason}"), (exitCode, output, error));
        Assert.Empty(fake.Calls);
    }

    [Theory]
    [InlineData("{}", " is not a list of images: line 1: ")]
    [InlineData("null", " is not a list of images: it is null.")]
    [InlineData("[\n{ \"image\": \"a:1\", \"prot\": 80 }]", " is not a list of images: line 2: ")]
    [InlineData("[{ \"image\": \"a:1\" }, {}]", ", image 2: each image needs either \"image\" or \"dockerfile\".")]
    [InlineData("[{ \"image\": \"a:1\", \"dockerfile\": \"b\" }]", ", image 1: each image needs either \"image\" or \"dockerfile\".")]
    [InlineData("[{ \"image\": \"a:1\", \"port\": 70000 }]", ", image 1: the port must be a number from 1 to 65535, not 70000.")]
    [InlineData("[{ \"dockerfile\": \"nope\" }]", ", image 1: There is no Dockerfile ")]
    [InlineData("[{ \"image\": \"a:1\" }, { \"image\": \"a:1\" }]", null)]
    public async Task A_file_of_images_that_is_wrong_is_one_line_that_names_the_place(string content, string? reason)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, content);
            var (exitCode, _, error) = await CommandLine.TryAsync(CommandLine.Compare("--images", file));

            Assert.Equal(1, exitCode);
            Assert.StartsWith(reason is null ? "error: a:1 is there twice." : $"error: {file}{reason}", error, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("compare|benchmark|--image <IMAGE>|--dockerfile <PATH>|--images <FILE>|--only|--port <PORT>|--path <PATH>|--env <NAME=VALUE>|--run-arg <ARG>|--timeout <SECONDS>|--output <DIR>|--runs <N>|--readme|--help", "--help")]
    [InlineData("--output <DIR>|--runs <N>|--readme|--help", "compare", "--help")]
    [InlineData("--runs <N>|--starts <N>|--images <A,B,…>|--against <IMAGE>|--readme|--help", "benchmark", "--help")]
    public async Task Help_names_every_command_and_option(string expected, params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(arguments));

        Assert.True(exitCode == 0, error);
        Assert.All(expected.Split('|'), text => Assert.Contains(text, output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("compare")]
    public async Task Without_an_engine_it_says_so_in_one_line(string command)
    {
        using var fake = await FakeEngine.CreateAsync("echo 'ERROR: no engine here' >&2; echo >&2; echo 'Start Docker Desktop' >&2; exit 1");
        var (exitCode, _, error) = await CommandLine.TryAsync(CommandLine.Compare(command).WithEnvironmentVariables(fake.Environment));

        Assert.Equal(1, exitCode);
        Assert.Equal("error: No container engine answers ('docker container ls --quiet --last 1' ended with 1: ERROR: no engine here): start one, or run eng/setup.sh.", error);
    }

    [Theory]
    [InlineData("compare", "ASPIRE_CONTAINER_RUNTIME")]
    public async Task An_engine_that_nobody_knows_is_one_line(string command, string variable)
    {
        var (exitCode, _, error) = await CommandLine.TryAsync(
            CommandLine.Compare(command).WithEnvironmentVariables(new Dictionary<string, string?> { ["ASPIRE_CONTAINER_RUNTIME"] = "", [variable] = "no-such-engine" }));

        Assert.Equal(1, exitCode);
        Assert.Equal($"error: {variable} is 'no-such-engine', which is no known container engine. Set it to docker or podman, or remove it.", error);
    }
}
