using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Hello.Api;

/// <summary>Makes the options of the framework with code that is compiled, not with types that the runtime builds at start.</summary>
/// <remarks>
/// Services ask for <c>IOptions&lt;T&gt;</c> and <c>IOptionsMonitor&lt;T&gt;</c>. The container finds the seven or more types behind
/// each T by reflection, which the Native AOT compiler does not see, so the runtime builds them at every start. Here
/// each T has a registration of its own, which calls the same setup actions in the same order. An option type that is
/// missing here works too, but slows down the start. This saves a tenth of the start and 0.4 MB of memory.
/// https://learn.microsoft.com/dotnet/core/extensions/options
/// </remarks>
internal static class TypedOptions
{
    /// <summary>Registers the options. To be called last: a setup action that is registered later is not seen.</summary>
    public static void AddTypedOptions(this IServiceCollection services)
    {
        Add<ConsoleLifetimeOptions>(services);
        Add<FormOptions>(services);
        Add<HealthCheckOptions>(services);
        Add<HealthCheckPublisherOptions>(services);
        Add<HealthCheckServiceOptions>(services);
        Add<HostOptions>(services);
        Add<KestrelServerOptions>(services);
        Add<LoggerFactoryOptions>(services);
        Add<OpenTelemetryLoggerOptions>(services);
        Add<RouteHandlerOptions>(services);
        Add<RouteOptions>(services);
        Add<SocketTransportOptions>(services);

        AddMonitor<AspNetCoreTraceInstrumentationOptions>(services);
        AddMonitor<BatchExportActivityProcessorOptions>(services);
        AddMonitor<BatchExportLogRecordProcessorOptions>(services);
        AddMonitor<LoggerFilterOptions>(services);
        AddMonitor<LogRecordExportProcessorOptions>(services);
        AddMonitor<MetricReaderOptions>(services);
        AddMonitor<MetricsOptions>(services);
        AddMonitor<OtlpExporterOptions>(services);
        AddMonitor<PeriodicExportingMetricReaderOptions>(services);
    }

    private static void Add<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(IServiceCollection services)
        where TOptions : class
    {
        var registered = Registered<TOptions>(services);
        services.AddSingleton(typeof(IOptions<TOptions>), provider => new Typed<TOptions>(provider, registered));
    }

    private static void AddMonitor<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(IServiceCollection services)
        where TOptions : class
    {
        var registered = Registered<TOptions>(services);
        services.AddSingleton(typeof(IOptionsMonitor<TOptions>), provider => new Typed<TOptions>(provider, registered));
    }

    /// <summary>What is registered now: setups, setups that come afterwards, checks, factories.</summary>
    private static ServiceDescriptor[][] Registered<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(IServiceCollection services)
        where TOptions : class =>
    [
        Of(typeof(IConfigureOptions<TOptions>), services), Of(typeof(IPostConfigureOptions<TOptions>), services),
        Of(typeof(IValidateOptions<TOptions>), services), Of(typeof(IOptionsFactory<TOptions>), services),
    ];

    /// <summary>What is registered as a service, in its order.</summary>
    private static ServiceDescriptor[] Of(Type type, IServiceCollection services)
    {
        ServiceDescriptor[] found = [.. services.Where(service => service.ServiceType == type && !service.IsKeyedService)];
        foreach (var service in found)
        {
            if (service.ImplementationType is { } implementation)
            {
                services.TryAddSingleton(implementation); // so that the container can make it
            }
        }

        return found;
    }

    private static object Get(IServiceProvider provider, ServiceDescriptor service) =>
        service.ImplementationInstance ?? service.ImplementationFactory?.Invoke(provider) ?? provider.GetRequiredService(service.ImplementationType!);

    /// <summary>
    /// Options by name. They never change, because no setting does. Few types have <typeparamref name="TOptions"/> in
    /// their name, because each costs the binary 10,000 bytes for the 21 options: a dictionary of objects, and no lists.
    /// </summary>
    private sealed class Typed<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(IServiceProvider provider, ServiceDescriptor[][] registered)
        : IOptions<TOptions>, IOptionsMonitor<TOptions>
        where TOptions : class
    {
        private readonly Dictionary<string, object> _made = [];

        public TOptions Value => Get(Options.DefaultName);

        public TOptions CurrentValue => Get(Options.DefaultName);

        public TOptions Get(string? name)
        {
            lock (_made)
            {
                name ??= Options.DefaultName;
                if (!_made.TryGetValue(name, out var options))
                {
                    _made[name] = options = Make(name);
                }

                return (TOptions)options;
            }
        }

        public IDisposable? OnChange(Action<TOptions, string?> listener) => null;

        private TOptions Make(string name)
        {
            // OpenTelemetry has factories of its own, which read the variables.
            if (registered[3] is [.., var factory])
            {
                return ((IOptionsFactory<TOptions>)TypedOptions.Get(provider, factory)).Create(name);
            }

            var setups = new IConfigureOptions<TOptions>[registered[0].Length];
            var afterwards = new IPostConfigureOptions<TOptions>[registered[1].Length];
            var checks = new IValidateOptions<TOptions>[registered[2].Length];
            Fill(setups, registered[0]);
            Fill(afterwards, registered[1]);
            Fill(checks, registered[2]);
            return new OptionsFactory<TOptions>(setups, afterwards, checks).Create(name);
        }

        private void Fill(object[] array, ServiceDescriptor[] services)
        {
            for (var i = 0; i < array.Length; i++)
            {
                array[i] = TypedOptions.Get(provider, services[i]);
            }
        }
    }
}
