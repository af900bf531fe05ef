using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Validation;
using OpenTelemetry.Exporter;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Api;

/// <summary>Names the generic types that the services need at start, so that the compiler compiles them.</summary>
/// <remarks>
/// The service container finds these types by reflection, which the Native AOT compiler does not see. The runtime would
/// build each type at start. Naming them saves a third of the start and 4 MB of memory, and costs 250,000 bytes in the
/// binary. A type that is missing here works too, but slows down the start.
/// https://learn.microsoft.com/dotnet/core/deploying/native-aot/
/// </remarks>
internal static class PrecompiledServices
{
    private const string Logger = "Microsoft.Extensions.Logging.Logger`1";
    private const string LoggingAssembly = "Microsoft.Extensions.Logging.Abstractions";
    private const string Manager = "Microsoft.Extensions.Options.UnnamedOptionsManager`1";
    private const string OptionsAssembly = "Microsoft.Extensions.Options";

    /// <summary>Names the types. Does nothing else, and nothing at all if the runtime has a compiler.</summary>
    public static void Name()
    {
        if (RuntimeFeature.IsDynamicCodeSupported)
        {
            return;
        }

        // Services ask for all that are registered of these. The container makes an array of them.
        GC.KeepAlive((Type[])
        [
            typeof(IHostedService[]), typeof(IStartupFilter[]), typeof(IConnectionListenerFactory[]), typeof(IMultiplexedConnectionListenerFactory[]),
            typeof(IExceptionHandler[]), typeof(MatcherPolicy[]), typeof(IHealthCheckPublisher[]), typeof(IMetricsListener[]), typeof(ILoggerProvider[]),
        ]);

        // Services ask for these as IOptions<T>.
        Options<ConsoleLifetimeOptions>.Name();
        Options<FormOptions>.Name();
        Options<HealthCheckOptions>.Name();
        Options<HealthCheckPublisherOptions>.Name();
        Options<HealthCheckServiceOptions>.Name();
        Options<HostOptions>.Name();
        Options<JsonOptions>.Name();
        Options<KestrelServerOptions>.Name();
        Options<LoggerFactoryOptions>.Name();
        Options<OpenTelemetryLoggerOptions>.Name();
        Options<RouteHandlerOptions>.Name();
        Options<RouteOptions>.Name();
        Options<SocketTransportOptions>.Name();
        Options<ValidationOptions>.Name();
        Name("Hello.Api.PrecompiledServices+Options`1[[Microsoft.AspNetCore.Hosting.GenericWebHostServiceOptions, Microsoft.AspNetCore.Hosting]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+Options`1[[Microsoft.Extensions.Options.StartupValidatorOptions, Microsoft.Extensions.Options]], Hello.Api");
        Name($"{Manager}[[Microsoft.AspNetCore.Diagnostics.HealthChecks.HealthCheckOptions, Microsoft.AspNetCore.Diagnostics.HealthChecks]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Hosting.GenericWebHostServiceOptions, Microsoft.AspNetCore.Hosting]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Http.Features.FormOptions, Microsoft.AspNetCore.Http]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Http.Json.JsonOptions, Microsoft.AspNetCore.Http.Extensions]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Routing.RouteHandlerOptions, Microsoft.AspNetCore.Routing]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Routing.RouteOptions, Microsoft.AspNetCore.Routing]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions, Microsoft.AspNetCore.Server.Kestrel.Core]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketTransportOptions, Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckPublisherOptions, Microsoft.Extensions.Diagnostics.HealthChecks]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckServiceOptions, Microsoft.Extensions.Diagnostics.HealthChecks]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Hosting.ConsoleLifetimeOptions, Microsoft.Extensions.Hosting]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Hosting.HostOptions, Microsoft.Extensions.Hosting]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Logging.LoggerFactoryOptions, Microsoft.Extensions.Logging]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Options.StartupValidatorOptions, Microsoft.Extensions.Options]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Validation.ValidationOptions, Microsoft.Extensions.Validation]], {OptionsAssembly}");
        Name($"{Manager}[[OpenTelemetry.Logs.OpenTelemetryLoggerOptions, OpenTelemetry]], {OptionsAssembly}");

        // Services ask for these as IOptionsMonitor<T>.
        MonitoredOptions<AspNetCoreTraceInstrumentationOptions>.Name();
        MonitoredOptions<BatchExportActivityProcessorOptions>.Name();
        MonitoredOptions<BatchExportLogRecordProcessorOptions>.Name();
        MonitoredOptions<LoggerFilterOptions>.Name();
        MonitoredOptions<LogRecordExportProcessorOptions>.Name();
        MonitoredOptions<MetricReaderOptions>.Name();
        MonitoredOptions<MetricsOptions>.Name();
        MonitoredOptions<OtlpExporterOptions>.Name();
        MonitoredOptions<PeriodicExportingMetricReaderOptions>.Name();
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[Microsoft.Extensions.DependencyInjection.MetricsServiceExtensions+NoOpOptions, Microsoft.Extensions.Diagnostics]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[OpenTelemetry.Exporter.OpenTelemetryProtocol.Implementation.ExperimentalOptions, OpenTelemetry.Exporter.OpenTelemetryProtocol]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[OpenTelemetry.Exporter.OpenTelemetryProtocol.Implementation.SdkLimitOptions, OpenTelemetry.Exporter.OpenTelemetryProtocol]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[OpenTelemetry.SelfDiagnostics.SelfDiagnosticsOptions, OpenTelemetry]], Hello.Api");

        // Services ask for these as ILogger<T>.
        Name($"{Logger}[[Microsoft.AspNetCore.Routing.EndpointMiddleware, Microsoft.AspNetCore.Routing]], {LoggingAssembly}");
        Name($"{Logger}[[Microsoft.AspNetCore.Routing.EndpointRoutingMiddleware, Microsoft.AspNetCore.Routing]], {LoggingAssembly}");
        Name($"{Logger}[[Microsoft.AspNetCore.Server.Kestrel.Core.Internal.PinnedBlockMemoryPoolFactory, Microsoft.AspNetCore.Server.Kestrel.Core]], {LoggingAssembly}");
        Name($"{Logger}[[Microsoft.Extensions.Diagnostics.HealthChecks.DefaultHealthCheckService, Microsoft.Extensions.Diagnostics.HealthChecks]], {LoggingAssembly}");
        Name($"{Logger}[[Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckPublisherHostedService, Microsoft.Extensions.Diagnostics.HealthChecks]], {LoggingAssembly}");
        Name($"{Logger}[[Microsoft.Extensions.Hosting.Internal.ApplicationLifetime, Microsoft.Extensions.Hosting]], {LoggingAssembly}");
        Name($"{Logger}[[Microsoft.Extensions.Hosting.Internal.Host, Microsoft.Extensions.Hosting]], {LoggingAssembly}");
    }

    /// <summary>Names a type that is not public. Because of the attribute, the compiler treats the name as a use of the type.</summary>
    private static void Name([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicMethods)] string typeName) =>
        _ = typeName;

    private static class Options<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>
        where TOptions : class
    {
        public static void Name() => GC.KeepAlive((Type[])
        [
            typeof(OptionsFactory<TOptions>),
            typeof(IEnumerable<IConfigureOptions<TOptions>>), typeof(IConfigureOptions<TOptions>[]),
            typeof(IEnumerable<IPostConfigureOptions<TOptions>>), typeof(IPostConfigureOptions<TOptions>[]),
            typeof(IEnumerable<IValidateOptions<TOptions>>), typeof(IValidateOptions<TOptions>[]),
        ]);
    }

    private static class MonitoredOptions<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>
        where TOptions : class
    {
        public static void Name()
        {
            Options<TOptions>.Name();
            GC.KeepAlive((Type[])
            [
                typeof(OptionsMonitor<TOptions>), typeof(OptionsCache<TOptions>),
                typeof(IEnumerable<IOptionsChangeTokenSource<TOptions>>), typeof(IOptionsChangeTokenSource<TOptions>[]),
            ]);
        }
    }
}
