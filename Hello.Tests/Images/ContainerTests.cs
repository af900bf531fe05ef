namespace Hello.Tests;

/// <summary>How the containers run and end.</summary>
[Trait("Needs", "Engine")]
public sealed class ContainerTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    [Fact]
    public Task A_command_inside_says_whether_it_is_healthy() => AtOnce.RunAsync(
        ["", "--env ASPNETCORE_HTTP_PORTS=9000", "--init --network none", "--init IMAGE --http_ports 9000"],
        async options =>
        {
            var parts = options.Split("IMAGE ");
            var id = await CommandLine.DockerAsync(
                ["run", "--detach", .. HelloImages.Native.RunOptions, .. Words(parts[0]), HelloImages.Native.Reference, .. parts.Skip(1).SelectMany(Words)]);
            try
            {
                Assert.Equal((0, "", ""), await CommandLine.PollAsync(AskAsync, answer => answer.ExitCode == 0, TimeSpan.FromMinutes(1)));

                await CommandLine.DockerAsync("kill", "--signal", "STOP", id); // with --init, the init alone, which does not answer anyway
                Assert.Equal((options.Contains("--init", StringComparison.Ordinal) ? 0 : 1, "", ""), await AskAsync());
            }
            finally
            {
                await CommandLine.DockerAsync("rm", "--force", id);
            }

            async Task<(int ExitCode, string Output, string Error)> AskAsync()
            {
                var (exitCode, output, error) = await CommandLine.TryAsync("docker", "exec", id, "/hello-api", "--health");
                return (exitCode, output, error);
            }

            static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        });

    [Fact]
    public Task A_start_that_cannot_succeed_is_one_line_that_names_the_setting() => AtOnce.RunAsync(
        [
            .. SettingCases.EndEveryStart,
            .. SettingCases.EndTheStaticStart,
            (Settings: "ASPNETCORE_URLS=http://unix:/nope", Begin: "ASPNETCORE_URLS is 'http://unix:/nope'", Reason: "Permission denied"),
        ],
        async s =>
        {
            var settings = s.Settings.Split(' ').ToLookup(ApiProcess.IsArgument);
            string[] options = [.. settings[false].SelectMany(Options)];
            var ended = await CommandLine.TryAsync("docker", ["run", "--rm", .. options, HelloImages.Native.Reference, .. settings[true]]);
            SettingCases.AssertOneErrorLine(s.Begin, s.Reason, ended);
        });

    [Fact]
    public Task A_setting_is_one_warning_or_no_word_and_the_api_serves() => AtOnce.RunAsync(
        [
            .. SettingCases.WarnInEveryBuild,
            .. SettingCases.WarnInTheStaticBuild,
            .. SettingCases.BringNoWord.Append("Kestrel__Endpoints__Http__Url=http://+:8080").Select(settings => (Settings: settings, Warning: "")),
        ],
        async s =>
        {
            await using var container = await PlainContainer.RunAsync(HelloImages.Native, [.. s.Settings.Split(' ').SelectMany(Options)]);
            var answer = await container.SayHelloAsync();
            Assert.True(answer == HelloImages.Greeting, answer);
            // Not ::ffff:172.17.0.1, which is how a socket for both versions of IP has it.
            Assert.Matches(@"(?m)^info: Hello\.Api\[1\] Said hello to [\d.]+$", await container.LogWithAsync("Said hello to"));

            SettingCases.AssertWarnings((await container.LogWithAsync(s.Warning)).Split('\n'), s.Warning.Length > 0 ? [s.Warning] : []);
        });

    // The runtime of the alpine build needs 8 to say anything. Telemetry needs more than the start, and .NET finds that out later.
    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public Task A_limit_of_processes_that_is_too_low_is_one_line(ImageSpecification image) =>
        AtOnce.RunAsync<int>(image.Files is null ? [8, 12, 17] : [2, 5, 11, 13], async limit =>
        {
            string[] telemetry = limit == 13 ? Options("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9") : [];
            var ended = await CommandLine.TryAsync("docker", ["run", "--rm", "--pids-limit", $"{limit}", .. telemetry, image.Reference]);
            // With telemetry it may have started before it reaches the limit.
            var output = ended.Output.Split('\n').Where(line => !line.Contains(SettingCases.Lost, StringComparison.Ordinal));
            ended = ended with { Output = string.Join('\n', output) };
            SettingCases.AssertOneErrorLine($"The container may have {limit} processes", "--pids-limit", ended);
        });

    private static string[] Options(string variable) => ["--env", variable];
}
