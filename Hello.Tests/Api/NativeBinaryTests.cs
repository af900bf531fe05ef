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
        Assert.Contains("Hello.Api", Encoding.Latin1.GetString(exports[0].Body), StringComparison.Ordinal); // not unknown_service
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
}
