using System.Security.Cryptography;
using System.Text;

namespace Hello.Tests;

/// <summary>The native binary does without the code that has been left out, and says so if that code is asked for.</summary>
[Trait("Needs", "Engine")]
public sealed class NativeBinaryTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task All_three_signals_are_exported_with_the_headers_that_are_set(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [
            .. receiver.Options, "--env", "OTEL_EXPORTER_OTLP_HEADERS=x-key=a b",
            "--env", "OTEL_SERVICE_NAME=named-here", "--env", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=from-here",
        ]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        var exports = await receiver.WaitAsync(e => OtlpReceiver.Signals.All(signal => e.Any(x => x.Path == signal)));

        Assert.Equal(OtlpReceiver.Signals, exports.Select(e => e.Path).Distinct().Order());
        Assert.All(exports, e => Assert.Contains("x-key: a b", e.Headers));
        Assert.All(exports, e => Assert.Contains("Content-Type: application/x-protobuf", e.Headers));
        Assert.All(exports, e => Assert.All(
            ["service.name", "named-here", "deployment.environment.name", "from-here", "telemetry.sdk.language"],
            text => Assert.Contains(text, Encoding.Latin1.GetString(e.Body), StringComparison.Ordinal)));
        // The span's name, which is a field, and its route and status, which are attributes.
        var trace = Encoding.Latin1.GetString(exports.First(e => e.Path == "/v1/traces").Body);
        Assert.All(["GET /hello", "http.route", "http.response.status_code"], text => Assert.Contains(text, trace, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_metric_names_a_trace_as_its_exemplar(ImageSpecification image)
    {
        var trace = RandomNumberGenerator.GetBytes(16);
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, "--env", "OTEL_METRICS_EXEMPLAR_FILTER=trace_based"]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        using var client = new HttpClient { BaseAddress = container.Address };
        client.DefaultRequestHeaders.Add("traceparent", $"00-{Convert.ToHexStringLower(trace)}-00f067aa0ba902b7-01"); // https://www.w3.org/TR/trace-context/#traceparent-header
        Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        var exports = await receiver.WaitAsync(e => HasTrace(e, "/v1/metrics") && HasTrace(e, "/v1/traces"));

        Assert.True(HasTrace(exports, "/v1/traces"), "The span is not in the trace that the caller named.");
        Assert.True(HasTrace(exports, "/v1/metrics"), $"None of {exports.Count(e => e.Path == "/v1/metrics")} exports of metrics has an exemplar from trace {Convert.ToHexStringLower(trace)}.");

        bool HasTrace(OtlpExport[] exports, string path) => exports.Any(e => e.Path == path && e.Body.AsSpan().IndexOf(trace) >= 0);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Exports_of_a_signal_share_a_connection_until_the_receiver_closes_it(ImageSpecification image)
    {
        var metrics = 0;
        await using var receiver = new OtlpReceiver(export =>
            export.Path == "/v1/metrics" && Interlocked.Increment(ref metrics) == 3 ? OtlpReceiver.Ok.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal) : OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, receiver.Options);

        var exports = (await receiver.WaitAsync(e => e.Count(x => x.Path == "/v1/metrics") >= 6)).Where(e => e.Path == "/v1/metrics").ToArray();

        Assert.True(exports.Length >= 6, $"Only {exports.Length} exports of metrics came.");
        Assert.Single(exports[..3].Select(e => e.Connection).Distinct());
        Assert.Single(exports[3..6].Select(e => e.Connection).Distinct());
        Assert.NotEqual(exports[0].Connection, exports[3].Connection);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Compressed_exports_are_gzip(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, "--env", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        var exports = await receiver.WaitAsync(e => e.Length > 0);

        Assert.NotEmpty(exports);
        Assert.All(exports, e => Assert.Contains("Content-Encoding: gzip", e.Headers));
        Assert.All(exports, e => Assert.Equal([0x1F, 0x8B], e.Body[..2]));
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task An_export_that_the_receiver_defers_is_sent_again(ImageSpecification image)
    {
        byte[]? refused = null;
        await using var receiver = new OtlpReceiver(export =>
            export.Path != "/v1/traces" || refused is not null
                ? OtlpReceiver.Ok
                : Refuse(export));
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, "--env", "OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY=in_memory"]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        var exports = await receiver.WaitAsync(e => refused is not null && e.Count(x => x.Body.AsSpan().SequenceEqual(refused)) == 2);

        Assert.NotNull(refused);
        Assert.Equal(2, exports.Count(e => e.Body.AsSpan().SequenceEqual(refused)));

        string Refuse(OtlpExport export)
        {
            refused = export.Body;
            return "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
        }
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_receiver_with_a_fault_costs_no_answer_and_gets_later_telemetry(ImageSpecification image) => AtOnce.RunAsync(Faults, async fault =>
    {
        var (what, answer) = fault;
        var faults = 3; // one of each signal
        await using var receiver = new OtlpReceiver(_ => Interlocked.Decrement(ref faults) >= 0 ? answer : OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, "--env", "OTEL_EXPORTER_OTLP_TIMEOUT=500"]);

        var exports = await receiver.WaitAsync(e =>
        {
            // Each request makes new telemetry.
            Assert.Equal(HelloImages.Greeting, container.SayHelloAsync().GetAwaiter().GetResult());
            return faults < -OtlpReceiver.Signals.Length && OtlpReceiver.Signals.All(signal => e.Skip(OtlpReceiver.Signals.Length).Any(x => x.Path == signal));
        });

        Assert.True(exports.Length > OtlpReceiver.Signals.Length, $"After {what}, no more than {exports.Length} exports came.");
        Assert.Equal(OtlpReceiver.Signals, exports[OtlpReceiver.Signals.Length..].Select(e => e.Path).Distinct().Order());
    });

    /// <summary>What the receiver does, and its answer.</summary>
    private static readonly (string What, string? Answer)[] Faults =
    [
        ("an answer that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("an answer without end", new string('x', 100_000)),
        ("an answer that breaks off", "HTTP/1.1 200"),
        ("no answer", null),
        ("a refusal", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    ];

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Grpc_is_left_out_and_asking_for_it_is_one_warning(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunAsync(
            image, "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317", "--env", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var warning = Assert.Single((await container.LogWithAsync("warn:")).Split('\n'), line => line.StartsWith("warn:", StringComparison.Ordinal));
        Assert.Contains("OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', which this static binary does not speak: no telemetry is sent to http://collector:4317.", warning, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task The_port_of_grpc_without_a_protocol_is_one_warning(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunOnHostAsync(image, "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317");

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT is 'http://localhost:4317', whose port is that of gRPC", await container.LogWithAsync("warn:"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task What_is_left_out_ends_nothing_when_all_of_it_is_asked_for(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        string[] settings = ["ASPNETCORE_ENVIRONMENT=Development", "TZ=Europe/Berlin", "OTEL_LOG_LEVEL=debug", "OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY=disk", "Kestrel__EndpointDefaults__Protocols=Http3"];
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, .. settings.SelectMany(setting => (string[])["--env", setting])]);

        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        using var client = new HttpClient();
        using var missing = await client.GetAsync(new Uri(container.Address, "/missing"));
        Assert.Equal("""{"code":404,"result":"Not Found"}""", await missing.Content.ReadAsStringAsync());
        var exports = await receiver.WaitAsync(e => OtlpReceiver.Signals.All(signal => e.Any(x => x.Path == signal)));
        Assert.All(exports, export => Assert.Contains("Hello.Api", Encoding.Latin1.GetString(export.Body), StringComparison.Ordinal)); // not unknown_service
        var log = await container.LogWithAsync("OTEL_LOG_LEVEL");
        Assert.All(["OTEL_LOG_LEVEL is ignored", "OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY is 'disk'", "Kestrel__EndpointDefaults__Protocols is 'Http3'"], warning => Assert.Contains(warning, log, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task Http2_is_left_out_and_asking_for_it_is_one_warning(ImageSpecification image)
    {
        await using var container = await PlainContainer.RunAsync(image, "--env", "Kestrel__EndpointDefaults__Protocols=Http2");
        using var connection = await RawConnection.OpenAsync(container.Address);
        await connection.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

        await connection.ReadToEndAsync(); // Kestrel refuses it
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var warning = Assert.Single((await container.LogWithAsync("Said hello")).Split('\n'), line => !line.StartsWith("info:", StringComparison.Ordinal));
        Assert.Contains("Kestrel__EndpointDefaults__Protocols is 'Http2', which cannot be used", warning, StringComparison.Ordinal);
    }
}
