using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Hello.Compare.Engine;

namespace Hello.Tests;

/// <summary>How the containers run and end.</summary>
[Trait("Needs", "Engine")]
public sealed class ContainerTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Sigterm_ends_it_at_once_with_exit_code_0(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunAsync(image);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        // With an idle connection open. 137 would mean that it was killed 8 s later.
        await CommandLine.DockerAsync("stop", "--time", "8", container.Id);
        Assert.Equal("0", await CommandLine.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", container.Id));
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task It_answers_without_any_capability_and_on_a_read_only_file_system(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public Task A_command_inside_says_whether_it_is_healthy(ImageSpecification image) => AtOnce.RunAsync(
        (string[])["", "--env ASPNETCORE_HTTP_PORTS=9000", "--env ASPNETCORE_URLS=http://127.0.0.1:9000 --env HTTP_PORTS=9001", "--init", "--init --network none", "IMAGE --urls=http://+:9000", "--init IMAGE --http_ports 9000"],
        async options =>
        {
            var parts = options.Split("IMAGE ");
            var id = await CommandLine.DockerAsync(["run", "--detach", .. image.RunOptions, .. Words(parts[0]), image.Reference, .. parts.Skip(1).SelectMany(Words)]);
            try
            {
                Assert.Equal((0, "", ""), await CommandLine.PollAsync(AskAsync, answer => answer.ExitCode == 0, TimeSpan.FromSeconds(20)));

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

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Where_no_api_runs_the_command_says_so_and_nothing_else(ImageSpecification image)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync("docker", ["run", "--rm", .. image.RunOptions, image.Reference, "--health"]);

        Assert.Equal((1, "", ""), (exitCode, output, error));
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task An_endpoint_of_Kestrel_s_own_settings_brings_no_warning(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--env", "Kestrel__Endpoints__Http__Url=http://+:8080");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        Assert.DoesNotContain("warn:", await container.LogWithAsync("Said hello"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task An_unusable_otlp_endpoint_is_one_warning_and_the_api_serves_on(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4317");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var log = await container.LogWithAsync("warn:");
        var warning = Assert.Single(log.Split('\n'), line => line.StartsWith("warn:", StringComparison.Ordinal));
        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT is 'https://collector:4317'", warning, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_setting_that_is_not_used_is_one_warning_and_the_api_serves_on(ImageSpecification image) =>
        AtOnce.RunAsync(WrongSettings.Groups, async group =>
        {
            await using var container = await PlainContainer.RunAsync(image, [.. Options("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"), .. group.SelectMany(s => Options(s.Setting))]);
            var answer = await container.SayHelloAsync();
            Assert.True(answer == HelloImages.Greeting, answer);
            WrongSettings.AssertWarnings(group, (await container.LogWithAsync("Said hello to")).Split('\n'));
        });

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_start_that_cannot_succeed_is_one_line_that_names_the_setting(ImageSpecification image) =>
        AtOnce.RunAsync(WrongSettings.EndTheStart, async s =>
        {
            var ended = await CommandLine.TryAsync("docker", ["run", "--rm", .. Options(s.Setting), image.Reference]);
            WrongSettings.AssertOneErrorLine(s.Begin, s.Reason, ended.ExitCode, ended.Output, ended.Error);
        });

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_signal_whose_exporter_is_none_is_not_sent_and_the_others_are(ImageSpecification image) =>
        AtOnce.RunAsync(OtlpReceiver.Signals, async signal =>
        {
            await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
            await using var container = await PlainContainer.RunOnHostAsync(
                image, [.. receiver.Options, .. Options($"OTEL_{signal.Split('/')[^1].ToUpperInvariant()}_EXPORTER=None"), .. Options("OTEL_EXPORTER_OTLP_HEADERS=x=a%2Cb%3D, y=")]);
            Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

            var others = OtlpReceiver.Signals.Where(other => other != signal).ToArray();
            var exports = await receiver.WaitAsync(all => others.All(other => all.Any(e => e.Path == other)));

            Assert.True(others.SequenceEqual(exports.Select(e => e.Path).Distinct().Order()), $"Of {exports.Length} exports: {string.Join(' ', exports.Select(e => e.Path).Distinct())}. Its log:\n{await container.LogAsync()}");
            Assert.All(exports, e => Assert.Contains("x: a,b=", e.Headers));
            Assert.DoesNotContain("warn:", await container.LogAsync(), StringComparison.Ordinal);
        });

    [Fact]
    public async Task The_alpine_build_serves_https_with_the_usual_settings_of_a_certificate()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "tls.crt"), certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "tls.key"), key.ExportPkcs8PrivateKeyPem());
            var port = LocalPort.FindFree();
            await using var container = await PlainContainer.RunOnHostAsync(
                HelloImages.Specification[0],
                [.. Options("ASPNETCORE_URLS="), .. Options($"ASPNETCORE_HTTPS_PORTS={port}"), "--volume", $"{folder.FullName}:/tls:ro", .. Options("Kestrel__Certificates__Default__Path=/tls/tls.crt"), .. Options("Kestrel__Certificates__Default__KeyPath=/tls/tls.key")]);
            await container.LogWithAsync("Application started");
            using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown?.Thumbprint == certificate.Thumbprint };
            using var client = new HttpClient(handler);

            Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri($"https://localhost:{port}/hello")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // The runtime of the alpine build needs 8 to say anything. Telemetry needs more than the start, and .NET finds that out later.
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_limit_of_processes_that_is_too_low_is_one_line(ImageSpecification image) =>
        AtOnce.RunAsync<int>(image.Files is null ? [8, 12, 17] : [2, 5, 11, 13], async limit =>
        {
            string[] telemetry = limit == 13 ? Options("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9") : [];
            var ended = await CommandLine.TryAsync("docker", ["run", "--rm", "--pids-limit", $"{limit}", .. telemetry, image.Reference]);
            // With telemetry it may have started before it reaches the limit.
            var output = telemetry.Length == 0 ? ended.Output : string.Join('\n', ended.Output.Split('\n').Where(line => !line.StartsWith("info: ", StringComparison.Ordinal) && !line.Contains("telemetry is lost until", StringComparison.Ordinal)));
            WrongSettings.AssertOneErrorLine($"The container may have {limit} processes", "--pids-limit", ended.ExitCode, output, ended.Error);
        });

    private static string[] Options(string variable) => ["--env", variable];

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Every_request_is_a_line_of_the_log_even_the_last_one_before_the_end(ImageSpecification image)
    {
        const int Requests = 500;
        await using var container = await PlainContainer.RunAsync(image);
        for (var i = 0; i < Requests; i++)
        {
            Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        }

        await CommandLine.DockerAsync("stop", "--time", "8", container.Id);
        Assert.DoesNotContain("Said hello to ::ffff:", await container.LogAsync(), StringComparison.Ordinal);
        Assert.Equal(Requests, (await container.LogAsync()).Split('\n').Count(line => line.StartsWith("info: Hello.Api[1] Said hello to ", StringComparison.Ordinal)));
    }
}
