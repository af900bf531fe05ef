using System.Text.Json;

namespace Hello.Tests;

/// <summary>The telemetry of each build arrives in the dashboard under its own name.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class TelemetryTests(HelloApplication hello)
{
    /// <summary>Telemetry is exported every second, once the dashboard is up.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_request_is_a_span_of_its_own_service(ImageSpecification image)
    {
        await SayHelloAsync(image);
        var spans = await EventuallyAsync($"spans?resource={image.Resource}", a => Objects(a, "resourceSpans", "scopeSpans", "spans"), s => s.Length > 0);

        Assert.All(spans, span => Assert.Equal(image.Resource, span.Service));
        var hellos = spans.Where(s => s.Value.GetProperty("name").GetString() == "GET /hello").ToArray();
        Assert.True(hellos.Length > 0, $"No span 'GET /hello' of {image}, but: {string.Join(", ", spans.Select(s => s.Value.GetProperty("name")))}");
        Assert.Contains(hellos[0].Value.GetProperty("attributes").EnumerateArray(), a =>
            a.GetProperty("key").GetString() == "http.response.status_code" && a.GetProperty("value").GetProperty("stringValue").GetString() == "200");
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Health_checks_leave_no_span(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        await client.GetStringAsync(new Uri("/health", UriKind.Relative));
        await SayHelloAsync(image);
        var spans = await EventuallyAsync($"spans?resource={image.Resource}", a => Objects(a, "resourceSpans", "scopeSpans", "spans"), s => s.Length > 0);

        Assert.NotEmpty(spans);
        Assert.DoesNotContain(spans, s => s.Value.GetRawText().Contains("/health", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_request_is_a_log_record_of_its_own_service(ImageSpecification image)
    {
        await SayHelloAsync(image);
        var records = await EventuallyAsync(
            $"logs?resource={image.Resource}",
            a => Objects(a, "resourceLogs", "scopeLogs", "logRecords"),
            r => r.Any(IsHello));

        Assert.All(records, record => Assert.Equal(image.Resource, record.Service));
        Assert.Contains(records, IsHello);

        static bool IsHello((string? Service, JsonElement Value) record) =>
            record.Value.GetProperty("body").GetProperty("stringValue").GetString()!.StartsWith("Said hello to ", StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_dashboard_has_traces_metrics_and_logs(ImageSpecification image)
    {
        await SayHelloAsync(image);
        var resource = await EventuallyAsync(
            "resources",
            a => a.EnumerateArray().Where(r => r.GetProperty("name").GetString() == image.Resource).ToArray(),
            r => r is [var one] && HasAll(one));

        Assert.True(resource is [var only] && HasAll(only), $"The dashboard says of {image}: {string.Join(", ", resource)}");

        static bool HasAll(JsonElement r) =>
            r.GetProperty("hasTraces").GetBoolean() && r.GetProperty("hasMetrics").GetBoolean() && r.GetProperty("hasLogs").GetBoolean();
    }

    private async Task SayHelloAsync(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        await client.GetStringAsync(new Uri("/hello", UriKind.Relative));
    }

    private Task<T[]> EventuallyAsync<T>(string path, Func<JsonElement, T[]> read, Func<T[], bool> isRight) =>
        CommandLine.PollAsync(async () => await hello.TelemetryAsync(path) is { } answer ? read(answer) : [], isRight, Limit);

    /// <summary>Flattens OTLP's JSON: <c>{"data":{"resourceSpans":[{"resource":{"attributes":[…]},"scopeSpans":[{"spans":[…]}]}]}}</c>.</summary>
    private static (string? Service, JsonElement Value)[] Objects(JsonElement answer, string resources, string scopes, string items) =>
    [
        .. from resource in answer.GetProperty("data").GetProperty(resources).EnumerateArray()
           let service = resource.GetProperty("resource").GetProperty("attributes").EnumerateArray()
               .First(a => a.GetProperty("key").GetString() == "service.name").GetProperty("value").GetProperty("stringValue").GetString()
           from scope in resource.GetProperty(scopes).EnumerateArray()
           from item in scope.GetProperty(items).EnumerateArray()
           select (service, item),
    ];
}
