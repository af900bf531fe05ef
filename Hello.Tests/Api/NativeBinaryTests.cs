using System.IO.Compression;

namespace Hello.Tests;

/// <summary>Telemetry is exported as its settings say, also by the native binary, which does without the code that has been left out.</summary>
[Trait("Needs", "Engine")]
public sealed class NativeBinaryTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task All_three_signals_are_exported_with_the_headers_and_names_that_are_set_and_the_trace_of_the_caller(ImageSpecification image)
    {
        string[] settings =
        [
            "OTEL_EXPORTER_OTLP_HEADERS=x-key=a b,x=a%2Cb%3D, y=", "OTEL_SERVICE_NAME=named-here",
            "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=from-here",
            "OTEL_METRICS_EXEMPLAR_FILTER=trace_based",
        ];
        var trace = RandomNumberGenerator.GetBytes(16);
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.AnswerOnHostAsync(
            image, [.. receiver.Options, .. settings.SelectMany(setting => (string[])["--env", setting])]);
        using var client = new HttpClient { BaseAddress = container.Address };
        // https://www.w3.org/TR/trace-context/#traceparent-header
        client.DefaultRequestHeaders.Add("traceparent", $"00-{Convert.ToHexStringLower(trace)}-00f067aa0ba902b7-01");
        Assert.Equal(HelloImages.Greeting, await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));

        var exports = await receiver.WaitAsync(e => OtlpReceiver.Signals.All(signal => HasTrace(e, signal)));

        Assert.True(HasTrace(exports, "/v1/traces"), "The span is not in the trace that the caller named.");
        Assert.True(HasTrace(exports, "/v1/metrics"), "No metric names the trace as its exemplar.");
        Assert.True(HasTrace(exports, "/v1/logs"), "No record of the log names the trace.");
        Assert.Equal(OtlpReceiver.Signals, exports.Select(e => e.Path).Distinct().Order());
        string[] headers = ["x-key: a b", "x: a,b=", "Content-Type: application/x-protobuf"];
        Assert.All(exports, e => Assert.All(headers, header => Assert.Contains(header, e.Headers)));
        Assert.All(exports, e => Assert.All(
            ["service.name", "named-here", "deployment.environment.name", "from-here", "telemetry.sdk.language"],
            text => Assert.Contains(text, Encoding.Latin1.GetString(e.Body), StringComparison.Ordinal)));
        // The span's name, which is a field, and its route and status, which are attributes.
        var span = Encoding.Latin1.GetString(exports.First(e => e.Path == "/v1/traces").Body);
        Assert.All(["GET /hello", "http.route", "http.response.status_code"], text => Assert.Contains(text, span, StringComparison.Ordinal));

        bool HasTrace(OtlpExport[] exports, string path) => exports.Any(e => e.Path == path && e.Body.AsSpan().IndexOf(trace) >= 0);
    }

    /// <summary>Without OTEL_SERVICE_NAME, the service has the name of the program and is not unknown_service.</summary>
    [Fact]
    public async Task An_export_that_the_receiver_defers_is_sent_again_and_is_compressed_if_that_is_set()
    {
        byte[]? refused = null;
        await using var receiver = new OtlpReceiver(export => export.Path == "/v1/traces" && refused is null ? Refuse(export) : OtlpReceiver.Ok);
        string[] settings = ["--env", "OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY=in_memory", "--env", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"];
        await using var container = await PlainContainer.AnswerOnHostAsync(HelloImages.Native, [.. receiver.Options, .. settings]);

        var exports = await receiver.WaitAsync(e => refused is not null && e.Count(x => x.Body.AsSpan().SequenceEqual(refused)) == 2);

        Assert.NotNull(refused);
        Assert.Equal(2, exports.Count(e => e.Body.AsSpan().SequenceEqual(refused)));
        Assert.All(exports, e => Assert.Contains("Content-Encoding: gzip", e.Headers));
        using var unpacked = new StreamReader(new GZipStream(new MemoryStream(refused), CompressionMode.Decompress), Encoding.Latin1);
        Assert.Contains("Hello.Api", await unpacked.ReadToEndAsync(), StringComparison.Ordinal);

        string Refuse(OtlpExport export)
        {
            refused = export.Body;
            return "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
        }
    }
}
