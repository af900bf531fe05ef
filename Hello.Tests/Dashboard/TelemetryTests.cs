using System.Diagnostics;

namespace Hello.Tests;

/// <summary>The telemetry of each build arrives in the dashboard under its own name.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class TelemetryTests(HelloApplication hello)
{
    /// <summary>Telemetry is exported every second, once the dashboard is up.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_request_is_a_span_and_a_log_record_of_its_own_service_and_a_health_check_is_no_span(ImageSpecification image)
    {
        var healthTrace = await GetAsync(image, "/health");
        var trace = await GetAsync(image, "/hello");

        var (service, span) = Assert.Single(await EventuallyAsync($"spans?traceId={trace}"));
        Assert.Equal((image.Resource, "GET /hello"), (service, span.GetProperty("name").GetString()));
        Assert.Equal("200", Attribute(span, "http.response.status_code"));
        // Spans are exported in their order. So one of the health check would be there, too.
        Assert.Empty(await ReadAsync(hello, $"spans?traceId={healthTrace}"));

        (service, var record) = Assert.Single(await EventuallyAsync($"logs?traceId={trace}"));
        Assert.Equal(image.Resource, service);
        Assert.StartsWith("Said hello to ", record.GetProperty("body").GetProperty("stringValue").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_dashboard_has_traces_metrics_and_logs_of_each_build()
    {
        await Task.WhenAll(HelloImages.Specification.Select(image => GetAsync(image, "/hello")));

        var builds = HelloImages.Specification.Select(image => image.Resource);
        var seen = await CommandLine.PollAsync(
            async () => NamesOf(await hello.TelemetryAsync("resources")), names => names.SequenceEqual(builds), Limit);
        Assert.Equal(builds, seen);
    }

    /// <summary>The resources of which a dashboard has traces, metrics and logs, sorted.</summary>
    internal static string[] NamesOf(JsonElement? resources) =>
    [
        .. (resources?.EnumerateArray() ?? default)
            .Where(r => ((string[])["hasTraces", "hasMetrics", "hasLogs"]).All(kind => r.GetProperty(kind).GetBoolean()))
            .Select(r => r.GetProperty("name").GetString()!).Order(StringComparer.Ordinal),
    ];

    /// <summary>Sends a request in a trace of its own, so that no other request can be taken for it.</summary>
    private async Task<string> GetAsync(ImageSpecification image, string path)
    {
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        using var client = hello.App.CreateHttpClient(image.Resource);
        client.DefaultRequestHeaders.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01"); // https://www.w3.org/TR/trace-context/
        await client.GetStringAsync(new Uri(path, UriKind.Relative));
        return trace;
    }

    private Task<(string? Service, JsonElement Item)[]> EventuallyAsync(string path) =>
        CommandLine.PollAsync(() => ReadAsync(hello, path), all => all.Length > 0, Limit);

    /// <summary>Asks the dashboard for spans or log records.</summary>
    /// <returns>Flattened OTLP: <c>{"data":{"resourceSpans":[{"resource":{"attributes":[…]},"scopeSpans":[{"spans":[…]}]}]}}</c>.</returns>
    internal static async Task<(string? Service, JsonElement Item)[]> ReadAsync(HelloApplication hello, string path)
    {
        var (resources, scopes, items) = path.StartsWith("spans", StringComparison.Ordinal)
            ? ("resourceSpans", "scopeSpans", "spans")
            : ("resourceLogs", "scopeLogs", "logRecords");
        return
        [
            .. from answer in new[] { await hello.TelemetryAsync(path) }.OfType<JsonElement>()
               from resource in answer.GetProperty("data").GetProperty(resources).EnumerateArray()
               from scope in resource.GetProperty(scopes).EnumerateArray()
               from item in scope.GetProperty(items).EnumerateArray()
               select (Attribute(resource.GetProperty("resource"), "service.name"), item),
        ];
    }

    /// <summary>The value of an attribute: <c>{"attributes":[{"key":"a","value":{"stringValue":"b"}}]}</c>.</summary>
    internal static string? Attribute(JsonElement item, string name) => item.GetProperty("attributes").EnumerateArray()
        .Where(attribute => attribute.GetProperty("key").GetString() == name)
        .Select(attribute => attribute.GetProperty("value").GetProperty("stringValue").GetString()).SingleOrDefault();
}
