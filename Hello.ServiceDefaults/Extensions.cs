using Hello.ServiceDefaults.Otlp;
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

/// <summary>Adds what every service of the application has: telemetry and health checks.</summary>
/// <remarks>
/// The methods are those of Aspire's template <c>aspire-servicedefaults</c> (https://aka.ms/aspire/service-defaults).
/// Three parts of the template are missing: service discovery, resilience and the instrumentation of HttpClient. The
/// API calls no other service, and each of these parts would make the native binary larger.
/// </remarks>
public static class Extensions
{
    /// <summary>The path of every check.</summary>
    public const string HealthPath = "/health";

    /// <summary>Half of OpenTelemetry's default of 512: on one core, requests wait while a batch is serialized.</summary>
    internal static readonly Dictionary<string, string?> Defaults = new()
    {
        ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "256",
        ["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"] = "256",
    };

    private const string RequestDuration = "http.server.request.duration";
    private const string AlivePath = "/alive";

    /// <summary>Adds OpenTelemetry and the health checks.</summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.ConfigureOpenTelemetry();
        builder.AddDefaultHealthChecks();
        return builder;
    }

    /// <summary>Adds traces, metrics and logs, as the standard <c>OTEL_*</c> variables configure them.</summary>
    /// <remarks>
    /// The template collects all three signals and exports all of them or none, with <c>UseOtlpExporter</c>. Here each
    /// signal has its own exporter, because OpenTelemetry's variables configure each signal apart. A signal without an
    /// exporter is not collected, because collecting costs time and memory. <see cref="OtlpSignal"/> reads the variables.
    /// </remarks>
    public static TBuilder ConfigureOpenTelemetry<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
        if (!string.Equals(builder.Configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase))
        {
            AddTelemetry(builder);
        }

        return builder;
    }

    /// <summary>Adds a health check that says that the process answers.</summary>
    public static TBuilder AddDefaultHealthChecks<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), ["live"]);
        return builder;
    }

    /// <summary>Maps <c>/health</c> (every check) and <c>/alive</c> (the checks tagged live).</summary>
    /// <remarks>
    /// The template maps them in Development only. Here they are mapped in every environment, because an image runs in
    /// Production and its orchestrator has to probe it. The answer is one word that gives nothing away, and the checks do
    /// no work that many requests could multiply.
    /// https://learn.microsoft.com/dotnet/aspire/fundamentals/health-checks#non-development-environments
    /// </remarks>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.MapHealthChecks(HealthPath).DisableHttpMetrics();
        app.MapHealthChecks(AlivePath, new() { Predicate = check => check.Tags.Contains("live") }).DisableHttpMetrics();
        return app;
    }

    // Not generic: the lambdas of a generic method would add 900 bytes to the native binary.
    private static void AddTelemetry(IHostApplicationBuilder builder)
    {
        // The first source has the lowest precedence, so every other setting wins.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults });
        var warnings = OtelSettings.Check(builder.Configuration);

        var monitor = new ExportMonitor();
        var traces = new OtlpSignal("traces", builder.Configuration, monitor);
        var metrics = new OtlpSignal("metrics", builder.Configuration, monitor);
        var logs = new OtlpSignal("logs", builder.Configuration, monitor);

        // One for the three signals. ConfigureResource would begin each with OpenTelemetry's default, which reads the
        // process's name from /proc: a fiftieth of the start.
        var resource = ResourceBuilder.CreateEmpty()
            .AddService(builder.Environment.ApplicationName)
            .AddTelemetrySdk()
            .AddEnvironmentVariableDetector(); // last, so that OTEL_SERVICE_NAME wins
        var telemetry = builder.Services.AddOpenTelemetry();

        if (traces.IsExported)
        {
            telemetry.WithTracing(tracing => tracing
                .SetResourceBuilder(resource)
                .AddAspNetCoreInstrumentation(options => options.Filter = request =>
                    !request.Request.Path.StartsWithSegments(HealthPath) && !request.Request.Path.StartsWithSegments(AlivePath))
                .AddOtlpExporter(traces.Name, traces.Configure));
        }

        if (metrics.IsExported)
        {
            telemetry.WithMetrics(meters => meters
                .SetResourceBuilder(resource)
                .AddAspNetCoreInstrumentation()
                // .NET has these metrics built in; the template's AddRuntimeInstrumentation needs another package.
                // https://learn.microsoft.com/dotnet/core/diagnostics/built-in-metrics-runtime
                .AddMeter("System.Runtime")
                .AddMeter(DropMonitor.MeterName)
                // OpenTelemetry allocates room for 2,000 combinations of attributes for each instrument: megabytes, and
                // a tenth of the start. The duration of requests has a few dozen combinations, of method, route and
                // status. The others have fewer. Those beyond the limit are counted together.
                // https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits
                .AddView(instrument => new MetricStreamConfiguration { CardinalityLimit = instrument.Name == RequestDuration ? 200 : 40 })
                .AddOtlpExporter(metrics.Name, metrics.Configure));
        }

        if (logs.IsExported)
        {
            telemetry.WithLogging(
                logging => logging.SetResourceBuilder(resource).AddOtlpExporter(logs.Name, logs.Configure),
                options => (options.IncludeFormattedMessage, options.IncludeScopes) = (true, true));
        }

        builder.Services.AddHostedService(services =>
            new OtlpGuard([traces, metrics, logs], warnings, monitor, services, services.GetRequiredService<ILoggerFactory>().CreateLogger<OtlpGuard>()));
    }
}
