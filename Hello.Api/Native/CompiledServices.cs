using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics;
using OpenTelemetry.Exporter;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Api.Native;

/// <summary>Makes the options of the framework with code that is compiled.</summary>
/// <remarks>
/// The service container has the runtime build each generic type, such as <c>OptionsManager&lt;T&gt;</c>. A native binary does that
/// at every start. Without this class the start takes 1.82 times as long (40 interleaved starts pinned to a core of an AMD EPYC,
/// median of the ratios, half of them 1.79 to 1.84), 1.40 times on another machine, and the binary has 176,384 bytes less.
/// </remarks>
internal static class CompiledServices
{
    private const string Options = "Hello.Api.Native.CompiledOptions`1", Otlp = "OpenTelemetry.Exporter.OpenTelemetryProtocol";

    /// <summary>Replaces registrations in a native binary. Call it last, because the options do not see later registrations.</summary>
    public static void AddCompiledServices(this IServiceCollection services)
    {
        // The JIT compiles what the container needs.
        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            Compile(services);
        }
    }

    internal static void Compile(IServiceCollection services)
    {
        // Those of internal types have a name only, for which the compiler makes the code. One that is gone is left to the container.
        CompiledOptions?[] options =
        [
            Of<AspNetCoreTraceInstrumentationOptions>(), Of<BatchExportActivityProcessorOptions>(),
            Of<BatchExportLogRecordProcessorOptions>(), Of<ConsoleLifetimeOptions>(), Of<FormOptions>(), Of<HealthCheckOptions>(),
            Of<HealthCheckPublisherOptions>(), Of<HealthCheckServiceOptions>(), Of<HostOptions>(), Of<KestrelServerOptions>(),
            Of<LoggerFactoryOptions>(), Of<LoggerFilterOptions>(), Of<LogRecordExportProcessorOptions>(), Of<MetricReaderOptions>(),
            Of<MetricsOptions>(), Of<OpenTelemetryLoggerOptions>(), Of<OtlpExporterOptions>(), Of<PeriodicExportingMetricReaderOptions>(),
            Of<RouteHandlerOptions>(), Of<RouteOptions>(), Of<SocketTransportOptions>(),
            Named($"{Options}[[Microsoft.AspNetCore.Hosting.GenericWebHostServiceOptions, Microsoft.AspNetCore.Hosting]], Hello.Api"),
            Named($"{Options}[[Microsoft.Extensions.DependencyInjection.MetricsServiceExtensions+NoOpOptions, Microsoft.Extensions.Diagnostics]], Hello.Api"),
            Named($"{Options}[[Microsoft.Extensions.Options.StartupValidatorOptions, Microsoft.Extensions.Options]], Hello.Api"),
            Named($"{Options}[[Microsoft.Extensions.Validation.ValidationOptions, Microsoft.Extensions.Validation]], Hello.Api"),
            Named($"{Options}[[{Otlp}.Implementation.ExperimentalOptions, {Otlp}]], Hello.Api"),
            Named($"{Options}[[{Otlp}.Implementation.SdkLimitOptions, {Otlp}]], Hello.Api"),
            Named($"{Options}[[OpenTelemetry.SelfDiagnostics.SelfDiagnosticsOptions, OpenTelemetry]], Hello.Api"),
        ];
        ServiceDescriptor[] registered = [.. services];
        foreach (var one in options)
        {
            one?.AddTo(services, registered);
        }

        services.AddSingleton<IOptionsMonitorCache<LoggerFilterOptions>>(_ => new OptionsCache<LoggerFilterOptions>());
        services.AddSingleton<ILoggerFactory>(provider => new LoggerFactory(
            provider.GetServices<ILoggerProvider>(),
            provider.GetRequiredService<IOptionsMonitor<LoggerFilterOptions>>(),
            provider.GetRequiredService<IOptions<LoggerFactoryOptions>>()));

        // The container makes an array of all services of a type.
        Name("Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Infrastructure.IHeartbeatHandler[], Microsoft.AspNetCore.Server.Kestrel.Core");
        Name("Microsoft.Extensions.Logging.Configuration.LoggingConfiguration[], Microsoft.Extensions.Logging.Configuration");
        Name("OpenTelemetry.Exporter.UseOtlpExporterRegistration[], OpenTelemetry.Exporter.OpenTelemetryProtocol");
        Name("OpenTelemetry.Logs.IConfigureLoggerProviderBuilder[], OpenTelemetry.Api.ProviderBuilderExtensions");
        Name("OpenTelemetry.Metrics.IConfigureMeterProviderBuilder[], OpenTelemetry.Api.ProviderBuilderExtensions");
        Name("OpenTelemetry.Trace.IConfigureTracerProviderBuilder[], OpenTelemetry.Api.ProviderBuilderExtensions");
    }

    private static CompiledOptions<T> Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>()
        where T : class => new();

    /// <summary>Because of the attribute, the compiler treats the name as a use of the type.</summary>
    private static void Name([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] string type) => _ = type;

    /// <summary>Makes the object without a call of its constructor, which does nothing. Reflection would have to look it up.</summary>
    internal static CompiledOptions? Named(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.NonPublicConstructors)] string type) =>
        Type.GetType(type) is { } found ? (CompiledOptions)RuntimeHelpers.GetUninitializedObject(found) : null;
}
