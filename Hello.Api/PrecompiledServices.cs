using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Api;

/// <summary>Names the generic types that the services need at start, so that the compiler compiles them.</summary>
/// <remarks>
/// The service container finds these types by reflection, which the Native AOT compiler does not see. The runtime would
/// build each type at start. A type that is missing here works too, but slows down the start. Options of public types
/// are in TypedOptions.cs, which needs no names.
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

        // Services ask for these as IOptions<T>. They are internal, so TypedOptions.cs cannot name them.
        Name("Hello.Api.PrecompiledServices+Options`1[[Microsoft.AspNetCore.Hosting.GenericWebHostServiceOptions, Microsoft.AspNetCore.Hosting]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+Options`1[[Microsoft.Extensions.Options.StartupValidatorOptions, Microsoft.Extensions.Options]], Hello.Api");
        Name($"{Manager}[[Microsoft.AspNetCore.Hosting.GenericWebHostServiceOptions, Microsoft.AspNetCore.Hosting]], {OptionsAssembly}");
        Name($"{Manager}[[Microsoft.Extensions.Options.StartupValidatorOptions, Microsoft.Extensions.Options]], {OptionsAssembly}");

        // The same for IOptionsMonitor<T>.
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[Microsoft.Extensions.DependencyInjection.MetricsServiceExtensions+NoOpOptions, Microsoft.Extensions.Diagnostics]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[OpenTelemetry.Exporter.OpenTelemetryProtocol.Implementation.ExperimentalOptions, OpenTelemetry.Exporter.OpenTelemetryProtocol]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[OpenTelemetry.Exporter.OpenTelemetryProtocol.Implementation.SdkLimitOptions, OpenTelemetry.Exporter.OpenTelemetryProtocol]], Hello.Api");
        Name("Hello.Api.PrecompiledServices+MonitoredOptions`1[[OpenTelemetry.SelfDiagnostics.SelfDiagnosticsOptions, OpenTelemetry]], Hello.Api");

        // The factories of OpenTelemetry ask for what configures these.
        Options<BatchExportActivityProcessorOptions>.Name();
        Options<BatchExportLogRecordProcessorOptions>.Name();
        Options<LogRecordExportProcessorOptions>.Name();
        Options<MetricReaderOptions>.Name();
        Options<OtlpExporterOptions>.Name();
        Options<PeriodicExportingMetricReaderOptions>.Name();

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
