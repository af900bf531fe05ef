using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting.Builder;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Matching;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Configuration;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Api;

/// <summary>Makes services of the framework with code that is compiled. The API works without it, and starts a tenth slower.</summary>
/// <remarks>
/// The service container makes a service by reflection: it looks up the constructor and, for a generic type such as
/// <c>ILogger&lt;T&gt;</c>, has the runtime build the type. A native binary does both at every start. Here are registrations
/// that call the constructor instead, for the services that the start needs and whose types can be named.
/// https://learn.microsoft.com/dotnet/core/deploying/native-aot/
/// </remarks>
internal static class CompiledServices
{
    private const string Options = "Hello.Api.CompiledOptions`1";
    private const string Logger = "Hello.Api.CompiledLogger`1";

    /// <summary>Replaces registrations. Call it last, because the options do not see later registrations.</summary>
    public static void AddCompiledServices(this IServiceCollection services)
    {
        AddGenericServices(services);
        ReplaceServices(services);
        NameArrays();
    }

    /// <summary>Adds options and loggers. Those of internal types have a name only, for which the compiler makes the code.</summary>
    private static void AddGenericServices(IServiceCollection services)
    {
        GenericService[] generic =
        [
            new CompiledOptions<AspNetCoreTraceInstrumentationOptions>(),
            new CompiledOptions<BatchExportActivityProcessorOptions>(),
            new CompiledOptions<BatchExportLogRecordProcessorOptions>(),
            new CompiledOptions<ConsoleLifetimeOptions>(),
            new CompiledOptions<FormOptions>(),
            new CompiledOptions<HealthCheckOptions>(),
            new CompiledOptions<HealthCheckPublisherOptions>(),
            new CompiledOptions<HealthCheckServiceOptions>(),
            new CompiledOptions<HostOptions>(),
            new CompiledOptions<KestrelServerOptions>(),
            new CompiledOptions<LoggerFactoryOptions>(),
            new CompiledOptions<LoggerFilterOptions>(),
            new CompiledOptions<LogRecordExportProcessorOptions>(),
            new CompiledOptions<MetricReaderOptions>(),
            new CompiledOptions<MetricsOptions>(),
            new CompiledOptions<OpenTelemetryLoggerOptions>(),
            new CompiledOptions<OtlpExporterOptions>(),
            new CompiledOptions<PeriodicExportingMetricReaderOptions>(),
            new CompiledOptions<RouteHandlerOptions>(),
            new CompiledOptions<RouteOptions>(),
            new CompiledOptions<SocketTransportOptions>(),
            Named($"{Options}[[Microsoft.AspNetCore.Hosting.GenericWebHostServiceOptions, Microsoft.AspNetCore.Hosting]], Hello.Api"),
            Named($"{Options}[[Microsoft.Extensions.DependencyInjection.MetricsServiceExtensions+NoOpOptions, Microsoft.Extensions.Diagnostics]], Hello.Api"),
            Named($"{Options}[[Microsoft.Extensions.Options.StartupValidatorOptions, Microsoft.Extensions.Options]], Hello.Api"),
            Named($"{Options}[[Microsoft.Extensions.Validation.ValidationOptions, Microsoft.Extensions.Validation]], Hello.Api"),
            Named($"{Options}[[OpenTelemetry.Exporter.OpenTelemetryProtocol.Implementation.ExperimentalOptions, OpenTelemetry.Exporter.OpenTelemetryProtocol]], Hello.Api"),
            Named($"{Options}[[OpenTelemetry.Exporter.OpenTelemetryProtocol.Implementation.SdkLimitOptions, OpenTelemetry.Exporter.OpenTelemetryProtocol]], Hello.Api"),
            Named($"{Options}[[OpenTelemetry.SelfDiagnostics.SelfDiagnosticsOptions, OpenTelemetry]], Hello.Api"),

            new CompiledLogger<ApplicationLifetime>(),
            new CompiledLogger<KestrelServer>(),
            Named($"{Logger}[[Microsoft.AspNetCore.Routing.EndpointMiddleware, Microsoft.AspNetCore.Routing]], Hello.Api"),
            Named($"{Logger}[[Microsoft.AspNetCore.Routing.EndpointRoutingMiddleware, Microsoft.AspNetCore.Routing]], Hello.Api"),
            Named($"{Logger}[[Microsoft.AspNetCore.Server.Kestrel.Core.Internal.PinnedBlockMemoryPoolFactory, Microsoft.AspNetCore.Server.Kestrel.Core]], Hello.Api"),
            Named($"{Logger}[[Microsoft.Extensions.Diagnostics.HealthChecks.DefaultHealthCheckService, Microsoft.Extensions.Diagnostics.HealthChecks]], Hello.Api"),
            Named($"{Logger}[[Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckPublisherHostedService, Microsoft.Extensions.Diagnostics.HealthChecks]], Hello.Api"),
            Named($"{Logger}[[Microsoft.Extensions.Hosting.Internal.Host, Microsoft.Extensions.Hosting]], Hello.Api"),
        ];
        ServiceDescriptor[] registered = [.. services];
        foreach (var service in generic)
        {
            service.AddTo(services, registered);
        }

        services.AddSingleton<ILoggerProviderConfiguration<OpenTelemetryLoggerProvider>>(provider =>
            new LoggerProviderSection<OpenTelemetryLoggerProvider>(provider.GetRequiredService<ILoggerProviderConfigurationFactory>()));
        services.AddSingleton<IOptionsMonitorCache<LoggerFilterOptions>>(_ => new OptionsCache<LoggerFilterOptions>());
    }

    private static void ReplaceServices(IServiceCollection services)
    {
        Replace<IApplicationBuilderFactory, ApplicationBuilderFactory>(services, provider => new(provider));
        Replace<IConnectionListenerFactory, SocketTransportFactory>(services, provider =>
            new(provider.GetRequiredService<IOptions<SocketTransportOptions>>(), provider.GetRequiredService<ILoggerFactory>()));
        Replace<IHostApplicationLifetime, ApplicationLifetime>(services, provider => new(provider.GetRequiredService<ILogger<ApplicationLifetime>>()));
        Replace<IHostLifetime, ConsoleLifetime>(services, provider => new(
            provider.GetRequiredService<IOptions<ConsoleLifetimeOptions>>(), provider.GetRequiredService<IHostEnvironment>(),
            provider.GetRequiredService<IHostApplicationLifetime>(), provider.GetRequiredService<IOptions<HostOptions>>(), provider.GetRequiredService<ILoggerFactory>()));
        Replace<IHttpContextFactory, DefaultHttpContextFactory>(services, provider => new(provider));
        Replace<ILoggerFactory, LoggerFactory>(services, provider => new(
            provider.GetServices<ILoggerProvider>(), provider.GetRequiredService<IOptionsMonitor<LoggerFilterOptions>>(), provider.GetRequiredService<IOptions<LoggerFactoryOptions>>()));
        Replace<MatcherPolicy, HostMatcherPolicy>(services, _ => new());
        Replace<MatcherPolicy, HttpMethodMatcherPolicy>(services, _ => new());
    }

    /// <summary>Puts a function in the place of a type. The order of the services stays, because some are asked for as a list.</summary>
    private static void Replace<TService, TImplementation>(IServiceCollection services, Func<IServiceProvider, TImplementation> make)
        where TService : class
        where TImplementation : class, TService
    {
        for (var i = 0; i < services.Count; i++)
        {
            if (services[i] is { IsKeyedService: false } service && service.ServiceType == typeof(TService) && service.ImplementationType == typeof(TImplementation))
            {
                services[i] = new(typeof(TService), make, service.Lifetime);
            }
        }
    }

    /// <summary>Names array types, so that the compiler makes code for them. The service container makes an array of all services of a type.</summary>
    private static void NameArrays()
    {
        GC.KeepAlive((Type[])
        [
            typeof(IHostedService[]), typeof(IStartupFilter[]), typeof(IConnectionListenerFactory[]), typeof(IMultiplexedConnectionListenerFactory[]),
            typeof(IExceptionHandler[]), typeof(MatcherPolicy[]), typeof(IHealthCheckPublisher[]), typeof(IMetricsListener[]), typeof(ILoggerProvider[]),
        ]);
        Name("Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Infrastructure.IHeartbeatHandler[], Microsoft.AspNetCore.Server.Kestrel.Core");
        Name("Microsoft.Extensions.Logging.Configuration.LoggingConfiguration[], Microsoft.Extensions.Logging.Configuration");
        Name("OpenTelemetry.Exporter.UseOtlpExporterRegistration[], OpenTelemetry.Exporter.OpenTelemetryProtocol");
        Name("OpenTelemetry.Logs.IConfigureLoggerProviderBuilder[], OpenTelemetry.Api.ProviderBuilderExtensions");
        Name("OpenTelemetry.Metrics.IConfigureMeterProviderBuilder[], OpenTelemetry.Api.ProviderBuilderExtensions");
        Name("OpenTelemetry.Trace.IConfigureTracerProviderBuilder[], OpenTelemetry.Api.ProviderBuilderExtensions");
    }

    /// <summary>Because of the attribute, the compiler treats the name as a use of the type.</summary>
    private static void Name([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] string type) => _ = type;

    /// <summary>Makes the object without a call of its constructor, which does nothing. Reflection would have to look it up.</summary>
    private static GenericService Named([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.NonPublicConstructors)] string type) =>
        (GenericService)RuntimeHelpers.GetUninitializedObject(Type.GetType(type, throwOnError: true)!);

    /// <summary>The settings in <c>Logging:OpenTelemetry</c>, for example.</summary>
    private sealed class LoggerProviderSection<TProvider>(ILoggerProviderConfigurationFactory factory) : ILoggerProviderConfiguration<TProvider>
    {
        public IConfiguration Configuration { get; } = factory.GetConfiguration(typeof(TProvider));
    }
}

/// <summary>A generic service for one type. No field may need a constructor, because none runs.</summary>
internal abstract class GenericService
{
    /// <param name="registered">The services that were registered before the first generic one.</param>
    public abstract void AddTo(IServiceCollection services, ServiceDescriptor[] registered);
}

/// <summary>Registers <see cref="ILogger{T}"/>.</summary>
internal sealed class CompiledLogger<T> : GenericService
{
    /// <inheritdoc/>
    public override void AddTo(IServiceCollection services, ServiceDescriptor[] registered) =>
        services.AddSingleton(typeof(ILogger<T>), provider => new Logger<T>(provider.GetRequiredService<ILoggerFactory>()));
}
