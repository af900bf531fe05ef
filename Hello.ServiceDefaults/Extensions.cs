using Hello.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Microsoft.Extensions.Hosting;

/// <summary>What every service of the application has: telemetry and health.</summary>
public static class Extensions
{
    private const string HealthPath = "/health";
    private const string AlivePath = "/alive";

    /// <summary>Adds OpenTelemetry, as the standard <c>OTEL_*</c> variables configure it, and a health check.</summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), ["live"]);

        // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
        if (!string.Equals(builder.Configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase))
        {
            builder.AddTelemetry();
        }

        return builder;
    }

    /// <summary>Maps <c>/health</c> (every check) and <c>/alive</c> (those tagged live).</summary>
    /// <remarks>
    /// In every environment, not only in Development: the answer is one word that tells nothing of what is behind it,
    /// and the checks do no work that a caller could multiply.
    /// https://learn.microsoft.com/dotnet/aspire/fundamentals/health-checks#non-development-environments
    /// </remarks>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.MapHealthChecks(HealthPath).DisableHttpMetrics();
        app.MapHealthChecks(AlivePath, new() { Predicate = check => check.Tags.Contains("live") }).DisableHttpMetrics();
        return app;
    }

    // A signal that goes nowhere is not collected either.
    private static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        // Half of the usual 512: where there is one core, requests wait for as long as a batch is put together.
        // Beneath all other settings, so that each of them wins.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = new Dictionary<string, string?>
            {
                ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "256",
                ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"] = "256",
            },
        });

        var traces = new OtlpSignal("traces", builder.Configuration);
        var metrics = new OtlpSignal("metrics", builder.Configuration);
        var logs = new OtlpSignal("logs", builder.Configuration);

        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(resource => resource
            .Clear()
            .AddService(builder.Environment.ApplicationName)
            .AddTelemetrySdk()
            .AddEnvironmentVariableDetector()); // last, so that OTEL_SERVICE_NAME wins

        if (traces.IsExported)
        {
            telemetry.WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(options => options.Filter = request =>
                    !request.Request.Path.StartsWithSegments(HealthPath) && !request.Request.Path.StartsWithSegments(AlivePath))
                .AddOtlpExporter(traces.Name, traces.Configure));
        }

        if (metrics.IsExported)
        {
            telemetry.WithMetrics(meters => meters
                .AddAspNetCoreInstrumentation()
                // https://learn.microsoft.com/dotnet/core/diagnostics/built-in-metrics-runtime
                .AddMeter("System.Runtime")
                // Room for so many combinations of attributes is allocated for each instrument, by default for 2,000: megabytes,
                // and a tenth of the start. A few dozen occur; what comes beyond is counted together, not lost.
                // https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits
                .AddView(_ => new MetricStreamConfiguration { CardinalityLimit = 200 })
                .AddOtlpExporter(metrics.Name, metrics.Configure));
        }

        if (logs.IsExported)
        {
            telemetry.WithLogging(
                logging => logging.AddOtlpExporter(logs.Name, logs.Configure),
                options => (options.IncludeFormattedMessage, options.IncludeScopes) = (true, true));
        }

        builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<OtlpGuard>(
            services, (IReadOnlyList<OtlpSignal>)[traces, metrics, logs]));
    }
}
