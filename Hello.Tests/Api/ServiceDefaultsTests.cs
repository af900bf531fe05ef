using Hello.ServiceDefaults.Otlp;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Tests;

/// <summary>The service defaults have the methods of Aspire's template, and each method does its own part.</summary>
public sealed class ServiceDefaultsTests
{
    [Fact]
    public void The_health_checks_come_without_telemetry()
    {
        var builder = CreateBuilder(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"));

        Assert.Same(builder, builder.AddDefaultHealthChecks());

        using var host = builder.Build();
        var check = Assert.Single(host.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations);
        Assert.Equal(("self", "live"), (check.Name, Assert.Single(check.Tags)));
        Assert.Equal("", SignalsOf(host));
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "traces metrics logs")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "traces")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "metrics")]
    [InlineData("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "logs")]
    [InlineData("UNRELATED", "")]
    public void Telemetry_comes_without_health_checks_and_with_the_signals_that_have_an_endpoint(string variable, string signals)
    {
        var builder = CreateBuilder((variable, "http://127.0.0.1:1"));

        Assert.Same(builder, builder.ConfigureOpenTelemetry());

        using var host = builder.Build();
        Assert.Equal(signals, SignalsOf(host));
        Assert.Contains(host.Services.GetServices<IHostedService>(), service => service is OtlpGuard);
        Assert.Null(host.Services.GetService<HealthCheckService>());
    }

    [Fact]
    public void A_disabled_sdk_leaves_nothing_but_the_health_checks()
    {
        var builder = CreateBuilder(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_SDK_DISABLED", "TRUE"));

        Assert.Same(builder, builder.AddServiceDefaults());

        using var host = builder.Build();
        Assert.Equal("", SignalsOf(host));
        Assert.DoesNotContain(host.Services.GetServices<IHostedService>(), service => service is OtlpGuard);
        Assert.NotNull(host.Services.GetService<HealthCheckService>());
    }

    private static HostApplicationBuilder CreateBuilder(params (string Name, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = "Hello.Tests" });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create<string, string?>(setting.Name, setting.Value)));
        return builder;
    }

    private static string SignalsOf(IHost host)
    {
        string?[] signals =
        [
            host.Services.GetService<TracerProvider>() is null ? null : "traces",
            host.Services.GetService<MeterProvider>() is null ? null : "metrics",
            host.Services.GetService<LoggerProvider>() is null ? null : "logs",
        ];
        return string.Join(' ', signals.OfType<string>());
    }
}
