namespace Hello.Tests;

/// <summary>The command line of Hello.Compare: help and errors, for which it asks no engine.</summary>
[Trait("Needs", "Gnu")]
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
    [InlineData("--update-pages writes the three builds only. Leave out --update-pages, or the images of your own.", "--update-pages", "--image", "a:1")]
    [InlineData("a:1 is there twice. Name each image once, or give it a name of its own in a file for --images.", "--image", "a:1", "--image", "a:1")]
    [InlineData("the path 'hello' cannot be asked. Begin it with a slash, and write spaces and other letters as %20.", "--image", "a:1", "--path", "hello")]
    [InlineData("the path '/a b' cannot be asked. Begin it with a slash, and write spaces and other letters as %20.", "--image", "a:1", "--path", "/a b")]
    [InlineData("a variable has no name. Write NAME=VALUE.", "--image", "a:1", "--env", "NAME")]
    [InlineData("'Shell' is no limit. Write, for example: --limit \"Unpacked size=12MB\"", "--limit", "Shell")]
    [InlineData("'' is not the name of an image.", "--image", "")]
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
    [InlineData("compare|benchmark|--image <IMAGE>|--dockerfile <PATH>|--images <FILE>|--only|--port <PORT>|--path <PATH>", "--help")]
    [InlineData("--env <NAME=VALUE>|--run-arg <ARG>|--timeout <SECONDS>|--limit <FIGURE=VALUE>|--help", "--help")]
    [InlineData("--output <DIR>|--runs <N>|--update-pages|--help", "compare", "--help")]
    [InlineData("--runs <N>|--starts <N>|--images <A,B,…>|--against <IMAGE>|--update-pages|--help", "benchmark", "--help")]
    public async Task Help_names_every_command_and_option(string expected, params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.Compare(arguments));

        Assert.True(exitCode == 0, error);
        Assert.All(expected.Split('|'), text => Assert.Contains(text, output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_an_engine_it_says_so_in_one_line()
    {
        const string None = "error: No container engine answers ('docker container ls --quiet --last 1' ended with 1: ERROR: no engine here). ";
        using var fake = await FakeEngine.CreateAsync("echo 'ERROR: no engine here' >&2; echo >&2; echo 'Start Docker Desktop' >&2; exit 1");
        var environment = fake.Environment;
        Assert.Equal(new(1, "", $"{None}Start Docker, or run: eng/setup.sh"), await RunAsync());
        (environment["DOCKER_HOST"], environment["DOCKER_TLS_VERIFY"]) = ("tcp://127.0.0.1:1", "1");
        Assert.Equal(
            new(1, "", $"{None}Start the engine that DOCKER_HOST and DOCKER_TLS_VERIFY ask for, or run: unset DOCKER_HOST DOCKER_TLS_VERIFY"),
            await RunAsync());

        Task<ProgramResult> RunAsync() => CommandLine.TryAsync(CommandLine.Compare().WithEnvironmentVariables(environment));
    }

    /// <summary>An engine of another version may answer in another way.</summary>
    [Theory]
    [InlineData("version", "{}", "the engine does not say its version.")]
    [InlineData("version", "no JSON", "the answer to 'docker version --format {{json .}}' cannot be used: ")]
    [InlineData("image", "[{\"Os\":\"linux\"}]", "a:1 could not be measured: the answer to 'docker image inspect a:1' cannot be used: .*'Id'")]
    [InlineData("image", "[{\"Id\":null}]", "a:1 could not be measured: the answer to 'docker image inspect a:1' cannot be used: ")]
    [InlineData("image", "[]", "a:1 could not be measured: there is no image a:1.")]
    public async Task An_answer_of_the_engine_that_cannot_be_used_is_one_line(string command, string answer, string reason)
    {
        using var fake = await FakeEngine.CreateAsync($$$"""
            case "$1" in
            {{{command}}}) echo '{{{answer}}}' ;;
            version) echo '{"Server":{"Version":"1","Arch":"amd64"}}' ;;
            esac
            """);
        var output = fake.Folder.CreateSubdirectory("artifacts").FullName;
        var (exitCode, _, error) = await CommandLine.TryAsync(
            CommandLine.Compare("--only", "--image", "a:1", "--runs", "1", "--output", output).WithEnvironmentVariables(fake.Environment));

        Assert.Equal(1, exitCode);
        var line = Assert.Single(error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Matches($"^error: {reason.Replace("{", "\\{", StringComparison.Ordinal)}", line);
    }

    [Theory]
    [InlineData("ASPIRE_CONTAINER_RUNTIME")]
    [InlineData("DOTNET_ASPIRE_CONTAINER_RUNTIME")]
    public async Task An_engine_that_nobody_knows_is_one_line(string variable)
    {
        Dictionary<string, string?> environment = new() { ["ASPIRE_CONTAINER_RUNTIME"] = "", [variable] = "no-such-engine" };
        var (exitCode, _, error) = await CommandLine.TryAsync(CommandLine.Compare().WithEnvironmentVariables(environment));

        Assert.Equal(1, exitCode);
        Assert.Equal($"error: {variable} is 'no-such-engine', which is no known container engine. Set it to docker or podman, or remove it.", error);
    }

    [Theory]
    [InlineData("Unpacked size=8000B")]
    [InlineData("unpacked SIZE = 8 kB")]
    [InlineData("unpackedSize=7.9kB", "alpine: Unpacked size is 8,000 B, above the limit of 7.9kB.")]
    [InlineData("Unpacked size=7KiB", "alpine: Unpacked size is 8,000 B, above the limit of 7KiB.")]
    [InlineData("Memory after start=0.064GB")]
    [InlineData("Memory after start=60 MiB", "alpine: Memory after start is 63.8 MB, above the limit of 60 MiB.")]
    [InlineData("Start to first hello=250ms")]
    [InlineData("Start to first hello=0.2s", "alpine: Start to first hello is 250 ± 5 ms, above the limit of 0.2s.")]
    [InlineData("Build without cache=1min")]
    [InlineData("Processes=1")]
    [InlineData("Processes=0", "alpine: Processes is 1, above the limit of 0.")]
    [InlineData("Requests per second=6153")]
    [InlineData("Requests per second=20000", "alpine: Requests per second is 6,153, below the limit of 20000.")]
    [InlineData("User=root")]
    [InlineData("Shell=none", "alpine: Shell is sh, ash, not none.")]
    public void An_image_keeps_a_limit_or_it_is_one_line(string limit, string? line = null)
    {
        Assert.Equal(line, Limit.Parse(limit).Check(ComparisonTests.Image("alpine", 8_000, 0, 0.245, 0.250, 0.255)));
        Assert.Equal("a: Files was not measured, so it is not known whether it keeps the limit of 1.", Limit.Parse("Files=1").Check(new("a")));
    }

    [Theory]
    [InlineData("Unpacked size=", "'Unpacked size=' is no limit. Write, for example: --limit \"Unpacked size=12MB\"")]
    [InlineData("Size=12MB", "--limit knows no figure 'Size'. Choose from: Unpacked size; Compressed size; ")]
    [InlineData("Unpacked size=12s", "'12s' is no limit for Unpacked size. Write, for example: --limit \"Unpacked size=12MB\"")]
    [InlineData("Unpacked size=12mbit", "'12mbit' is no limit for Unpacked size.")]
    [InlineData("Unpacked size=-1", "'-1' is no limit for Unpacked size.")]
    [InlineData("Latency, p99=5MB", "'5MB' is no limit for Latency, p99. Write, for example: --limit \"Latency, p99=100ms\"")]
    [InlineData("Processes=1s", "'1s' is no limit for Processes. Write, for example: --limit \"Processes=5\"")]
    [InlineData("Requests per second=20,000", "'20,000' is no limit for Requests per second.")]
    public void A_limit_that_makes_no_sense_is_one_line(string limit, string line) =>
        Assert.StartsWith(line, Assert.Throws<MeasurementException>(() => Limit.Parse(limit)).Message, StringComparison.Ordinal);

    /// <summary>The options of <c>docker run</c>, and those of them that the probe gets, because it has the network.</summary>
    [Theory]
    [InlineData("--network host --read-only", "--network host")]
    [InlineData("--user 1 --net=mine -p8080:80 --publish 1:2 -v /a:/b", "--net=mine -p8080:80 --publish 1:2")]
    [InlineData("-P --add-host db:192.0.2.1 --env -p=1 -h name --tmpfs /tmp", "-P --add-host db:192.0.2.1 -h name")]
    [InlineData("--env=A=--network --cap-drop ALL", "")]
    public void The_options_of_the_network_go_to_the_probe(string all, string network)
    {
        var options = new RunOptions(all.Split(' '));

        Assert.Equal(network, string.Join(' ', options.Network));
        Assert.Equal(all.Split(' ').Except(network.Split(' ')), options.Other);
    }

    [Theory]
    [InlineData("--env A=s3cret --env B=s3cret-too")]
    [InlineData("--env=A=s3cret -e B=s3cret-too")]
    [InlineData("-eA=s3cret --read-only -eB=s3cret-too")]
    public void The_value_of_a_variable_is_hidden_however_it_is_given(string all) =>
        Assert.Equal("A is ***, B is ***.", new RunOptions(all.Split(' ')).Hide("A is s3cret, B is s3cret-too."));
}
