using Hello.ServiceDefaults.Otlp;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Tests;

/// <summary>The service defaults have the methods of Aspire's template, and each method does its own part.</summary>
public sealed class ServiceDefaultsTests
{
    [Theory]
    [InlineData("AddDefaultHealthChecks", "self:live", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")]
    [InlineData("ConfigureOpenTelemetry", "traces metrics logs guard", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")]
    [InlineData("ConfigureOpenTelemetry", "traces guard", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:1")]
    [InlineData("ConfigureOpenTelemetry", "metrics guard", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://127.0.0.1:1")]
    [InlineData("ConfigureOpenTelemetry", "logs guard", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://127.0.0.1:1")]
    [InlineData("ConfigureOpenTelemetry", "metrics logs guard", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_EXPORTER=None")]
    [InlineData("ConfigureOpenTelemetry", "traces logs guard", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_METRICS_EXPORTER=none")]
    [InlineData("ConfigureOpenTelemetry", "traces metrics guard", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_LOGS_EXPORTER=console")]
    [InlineData("ConfigureOpenTelemetry", "guard")]
    [InlineData("AddServiceDefaults", "self:live", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=TRUE")]
    public void A_method_adds_its_part_and_of_telemetry_the_signals_that_have_an_endpoint(string method, string parts, params string[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = "Hello.Tests" });
        builder.Configuration.AddInMemoryCollection(settings.Select(s => s.Split('=')).Select(s => KeyValuePair.Create(s[0], (string?)s[1])));

        Assert.Same(builder, method switch
        {
            "AddDefaultHealthChecks" => builder.AddDefaultHealthChecks(),
            "ConfigureOpenTelemetry" => builder.ConfigureOpenTelemetry(),
            _ => builder.AddServiceDefaults(),
        });

        using var host = builder.Build();
        string?[] added =
        [
            .. host.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations
                .Select(check => $"{check.Name}:{string.Join(',', check.Tags)}"),
            host.Services.GetService<TracerProvider>() is null ? null : "traces",
            host.Services.GetService<MeterProvider>() is null ? null : "metrics",
            host.Services.GetService<LoggerProvider>() is null ? null : "logs",
            host.Services.GetServices<IHostedService>().Any(service => service is OtlpGuard) ? "guard" : null,
        ];
        Assert.Equal(parts, string.Join(' ', added.OfType<string>()));
    }
}
