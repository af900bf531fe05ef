using System.Globalization;

namespace Hello.Tests;

/// <summary>How the containers run and end.</summary>
[Trait("Needs", "Engine")]
public sealed class ContainerTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Sigterm_ends_it_at_once_with_exit_code_0(HelloImage image)
    {
        await using var container = await PlainContainer.RunAsync(image);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        // With an idle connection open. 137 would mean that it was killed 8 s later.
        await CommandLine.DockerAsync("stop", "--time", "8", container.Id);
        Assert.Equal("0", await CommandLine.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", container.Id));
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task It_answers_without_any_capability_and_on_a_read_only_file_system(HelloImage image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task An_endpoint_of_Kestrel_s_own_settings_brings_no_warning(HelloImage image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--env", "Kestrel__Endpoints__Http__Url=http://+:8080");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        Assert.DoesNotContain("warn:", await container.LogWithAsync("Said hello"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task An_unusable_otlp_endpoint_is_one_warning_and_the_api_serves_on(HelloImage image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4317");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var log = await container.LogWithAsync("warn:");
        var warning = Assert.Single(log.Split('\n'), line => line.StartsWith("warn:", StringComparison.Ordinal));
        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT is 'https://collector:4317'", warning, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_setting_that_cannot_be_used_is_one_warning_and_the_api_serves_on(HelloImage image) =>
        AtOnce.RunAsync(WrongSettings, s => AssertOneWarningAsync(image, s.Variable, s.Value, s.Expected));

    private static async Task AssertOneWarningAsync(HelloImage image, string variable, string value, string expected)
    {
        await using var container = await PlainContainer.RunAsync(image, "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", "--env", $"{variable}={value}");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var warning = Assert.Single((await container.LogWithAsync("warn:")).Split('\n'), line => line.StartsWith("warn:", StringComparison.Ordinal));
        Assert.Contains(expected, warning, StringComparison.Ordinal);
    }

    private static readonly (string Variable, string Value, string Expected)[] WrongSettings =
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,a=2", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no name=1", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-5", "no telemetry is sent to localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "OTEL_EXPORTER_OTLP_ENDPOINT is 'collector', which is no http or https address"),
    ];

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Every_request_is_a_line_of_the_log_even_the_last_one_before_the_end(HelloImage image)
    {
        const int Requests = 500;
        await using var container = await PlainContainer.RunAsync(image);
        for (var i = 0; i < Requests; i++)
        {
            Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        }

        await CommandLine.DockerAsync("stop", "--time", "8", container.Id);
        Assert.Equal(Requests, (await container.LogAsync()).Split('\n').Count(line => line.StartsWith("info: Hello.Api[1] Said hello to ", StringComparison.Ordinal)));
    }
}
