using Hello.ServiceDefaults.Otlp;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpenTelemetry.Resources;

namespace Microsoft.Extensions.Hosting;

/// <summary>Adds what every service of the application has: telemetry and health checks.</summary>
/// <remarks>
/// The methods of Aspire's template (https://aka.ms/aspire/service-defaults), without service discovery, resilience and the
/// instrumentation of HttpClient: the API calls no other service, and each would make the native binary larger.
/// </remarks>
public static class Extensions
{
    /// <summary>The path of every check.</summary>
    public const string HealthPath = "/health";

    private const string AlivePath = "/alive";

    /// <summary>Adds OpenTelemetry and the health checks.</summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder => builder.ConfigureOpenTelemetry().AddDefaultHealthChecks();

    /// <summary>Adds traces, metrics and logs, as the standard <c>OTEL_*</c> variables configure them.</summary>
    /// <remarks>The template exports all signals or none. Here each is configured apart, and not collected without an exporter.</remarks>
    public static TBuilder ConfigureOpenTelemetry<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
        if (builder.Configuration["OTEL_SDK_DISABLED"]?.ToUpperInvariant() != "TRUE")
        {
            AddTelemetry(builder); // not generic: the lambdas of a generic method would add 900 bytes to the native binary
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
    /// The template maps them in Development only. An image runs in Production, and its orchestrator has to probe it. The answer is
    /// one word that gives nothing away, and the checks do no work that many requests could multiply.
    /// https://learn.microsoft.com/dotnet/aspire/fundamentals/health-checks#non-development-environments
    /// </remarks>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.MapHealthChecks(HealthPath).DisableHttpMetrics();
        app.MapHealthChecks(AlivePath, new() { Predicate = check => check.Tags.Contains("live") }).DisableHttpMetrics();
        return app;
    }

    private static void AddTelemetry(IHostApplicationBuilder builder)
    {
        // Half of OpenTelemetry's default: on one core, a request waits while a batch is serialized (p99 0.4 ms instead of 0.6).
        builder.Configuration["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] ??= "256";
        builder.Configuration["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"] ??= "256";

        OtlpSignal traces = new("traces", builder.Configuration), metrics = new("metrics", builder.Configuration), logs = new("logs", builder.Configuration);

        // One for the three signals. ConfigureResource would begin each with OpenTelemetry's default, which reads the
        // process's name from /proc: a fiftieth of the start.
        var resource = ResourceBuilder.CreateEmpty()
            .AddService(builder.Environment.ApplicationName)
            .AddTelemetrySdk()
            .AddEnvironmentVariableDetector(); // last, so that OTEL_SERVICE_NAME wins
        var telemetry = builder.Services.AddOpenTelemetry();
        if (traces.Endpoint is not null)
        {
            telemetry.WithTracing(tracing => tracing
                .SetResourceBuilder(resource)
                .AddAspNetCoreInstrumentation(options => options.Filter = request =>
                    !request.Request.Path.StartsWithSegments(HealthPath) && !request.Request.Path.StartsWithSegments(AlivePath))
                .AddOtlpExporter(traces.Name, traces.Configure));
        }

        if (metrics.Endpoint is not null)
        {
            telemetry.WithMetrics(meters => meters
                .SetResourceBuilder(resource)
                .AddAspNetCoreInstrumentation()
                // .NET has these metrics built in; the template's AddRuntimeInstrumentation needs another package.
                // https://learn.microsoft.com/dotnet/core/diagnostics/built-in-metrics-runtime
                .AddMeter("System.Runtime")
                .AddMeter(OtlpGuard.MeterName)
                // OpenTelemetry allocates room for 2,000 combinations of attributes for each instrument: 1.6 MB, and a fifth of
                // the start. The duration of requests has a few dozen, of method, route and status. The others have fewer.
                // Those beyond the limit are counted together.
                // https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits
                .AddView(instrument => new MetricStreamConfiguration { CardinalityLimit = instrument.Name == "http.server.request.duration" ? 200 : 40 })
                .AddOtlpExporter(metrics.Name, metrics.Configure));
        }

        if (logs.Endpoint is not null)
        {
            telemetry.WithLogging(
                logging => logging.SetResourceBuilder(resource).AddOtlpExporter(logs.Name, logs.Configure),
                options => (options.IncludeFormattedMessage, options.IncludeScopes) = (true, true));
        }

        builder.Services.AddHostedService(services =>
            new OtlpGuard([traces, metrics, logs], services, services.GetRequiredService<ILoggerFactory>().CreateLogger<OtlpGuard>()));
    }
}
