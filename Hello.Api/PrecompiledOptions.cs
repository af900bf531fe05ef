using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Api;

/// <summary>Names the generic types that the services ask for at start, so that they are compiled.</summary>
/// <remarks>
/// The container of services finds them by reflection, where the Native AOT compiler does not see them, and the runtime
/// then puts each together from its parts: a quarter of the start and 3 MB, for 250,000 bytes in the binary. An option
/// that is missing here is served all the same.
/// https://learn.microsoft.com/dotnet/core/deploying/native-aot/
/// </remarks>
internal static class PrecompiledOptions
{
    /// <summary>Names them; does nothing besides, and nothing at all where the runtime compiles them.</summary>
    public static void Name()
    {
        if (RuntimeFeature.IsDynamicCodeSupported)
        {
            return;
        }

        Name<AspNetCoreTraceInstrumentationOptions>();
        Name<BatchExportActivityProcessorOptions>();
        Name<BatchExportLogRecordProcessorOptions>();
        Name<ConsoleLifetimeOptions>();
        Name<FormOptions>();
        Name<HealthCheckOptions>();
        Name<HealthCheckPublisherOptions>();
        Name<HealthCheckServiceOptions>();
        Name<HostOptions>();
        Name<JsonOptions>();
        Name<KestrelServerOptions>();
        Name<LoggerFactoryOptions>();
        Name<LoggerFilterOptions>();
        Name<LogRecordExportProcessorOptions>();
        Name<MetricReaderOptions>();
        Name<MetricsOptions>();
        Name<OpenTelemetryLoggerOptions>();
        Name<OtlpExporterOptions>();
        Name<PeriodicExportingMetricReaderOptions>();
        Name<RouteHandlerOptions>();
        Name<RouteOptions>();
        Name<SocketTransportOptions>();
    }

    // What OptionsFactory and OptionsMonitor have in their constructors, as sequences and as the arrays behind them.
    private static void Name<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>()
        where TOptions : class => GC.KeepAlive((Type[])
        [
            typeof(OptionsFactory<TOptions>), typeof(OptionsMonitor<TOptions>), typeof(OptionsCache<TOptions>),
            typeof(IEnumerable<IConfigureOptions<TOptions>>), typeof(IConfigureOptions<TOptions>[]),
            typeof(IEnumerable<IPostConfigureOptions<TOptions>>), typeof(IPostConfigureOptions<TOptions>[]),
            typeof(IEnumerable<IValidateOptions<TOptions>>), typeof(IValidateOptions<TOptions>[]),
            typeof(IEnumerable<IOptionsChangeTokenSource<TOptions>>), typeof(IOptionsChangeTokenSource<TOptions>[]),
        ]);
}
