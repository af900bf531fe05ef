using System.Reflection;
using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dashboard;
using Aspire.Hosting.Dcp;
using Aspire.Hosting.Health;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>A model under construction.</summary>
public interface IDistributedApplicationBuilder
{
    /// <summary>Settings, from the environment and the command line.</summary>
    ConfigurationManager Configuration { get; }

    /// <summary>Folder of the AppHost project.</summary>
    string AppHostDirectory { get; }

    /// <summary>The AppHost's assembly.</summary>
    Assembly? AppHostAssembly { get; }

    /// <summary>Development, Production and the like.</summary>
    IHostEnvironment Environment { get; }

    /// <summary>Services of the application.</summary>
    IServiceCollection Services { get; }

    /// <summary>The resources so far.</summary>
    IResourceCollection Resources { get; }

    /// <summary>Adds a resource.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="resource">The resource.</param>
    /// <returns>The resource's builder.</returns>
    /// <exception cref="DistributedApplicationException">There is one of that name.</exception>
    IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource;

    /// <summary>Describes a resource further.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="resource">The resource.</param>
    /// <returns>The resource's builder.</returns>
    IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource;

    /// <summary>Completes the model.</summary>
    /// <returns>The application, not yet started.</returns>
    DistributedApplication Build();
}

/// <summary>What a test does to the builder that the AppHost's own code makes.</summary>
/// <param name="Configure">Changes the options and settings before the builder reads them.</param>
/// <param name="Building">Receives the complete model; returns when the application may be built.</param>
/// <param name="Built">Receives the application.</param>
internal sealed record BuilderInterception(
    Action<DistributedApplicationOptions, HostApplicationBuilderSettings> Configure,
    Action<DistributedApplicationBuilder> Building,
    Action<DistributedApplication> Built)
{
    /// <summary>Flows with the thread on which the AppHost's entry point runs, so that several can run at once.</summary>
    public static readonly AsyncLocal<BuilderInterception?> Current = new();
}

/// <summary>The one implementation of <see cref="IDistributedApplicationBuilder"/>.</summary>
public class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly BuilderInterception? _interception = BuilderInterception.Current.Value;

    /// <summary>Begins a model.</summary>
    /// <param name="options">How the application runs.</param>
    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var settings = new HostApplicationBuilderSettings { Args = options.Args };
        _interception?.Configure(options, settings);
        _host = new HostApplicationBuilder(settings);

        AppHostAssembly = options.AssemblyName is { } name ? Assembly.Load(name) : Assembly.GetEntryAssembly();
        AppHostDirectory = AppHostMetadata.Read(AppHostAssembly, "apphostprojectpath") ?? _host.Environment.ContentRootPath;
        Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["AppHost:Directory"] = AppHostDirectory,
            ["AppHost:OtlpApiKey"] = Configuration["AppHost:OtlpApiKey"] ?? NewKey(),
            ["AppHost:DashboardApiKey"] = Configuration["AppHost:DashboardApiKey"] ?? NewKey(),
            ["AppHost:BrowserToken"] = Configuration["ASPIRE_DASHBOARD_FRONTEND_BROWSERTOKEN"] ?? NewKey(),
            ["AppHost:ResourceService:AuthMode"] = "ApiKey",
            ["AppHost:ResourceService:ApiKey"] = Configuration["ASPIRE_DASHBOARD_RESOURCESERVICE_APIKEY"] ?? NewKey(),
        });

        _host.Logging
            .AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error)
            .AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.Error)
            .AddFilter("System.Net.Http.HttpClient", LogLevel.Warning)
            // The dashboard shows what a health check says.
            .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks.DefaultHealthCheckService", options.DisableDashboard ? LogLevel.Warning : LogLevel.None)
            // Again, so that the user's own settings win over the ones above.
            .AddConfiguration(Configuration.GetSection("Logging"));

        Services.AddHttpClient();
        Services.AddHealthChecks();
        Services.AddSingleton(options);
        Services.AddSingleton(new DistributedApplicationModel(Resources));
        Services.AddSingleton(new AppHostMetadata(AppHostAssembly, AppHostDirectory));
        Services.AddSingleton(_ => new ResourceLoggerService());
        Services.AddSingleton(s => new ResourceNotificationService(s, s.GetRequiredService<ResourceLoggerService>()));
        Services.AddSingleton(s => new ResourceCommandService(s.GetRequiredService<ResourceNotificationService>(), s.GetRequiredService<ResourceLoggerService>(), s));
        Services.AddSingleton<DcpProcess>();
        Services.AddSingleton<DashboardServiceHost>();
        Services.AddSingleton<Orchestrator>();

        if (options.EnableResourceLogging)
        {
            Services.AddHostedService<ResourceLogForwarder>();
        }

        Services.AddHostedService<ResourceHealthMonitor>();
        Services.AddHostedService(s => s.GetRequiredService<Orchestrator>());
    }

    /// <inheritdoc/>
    public ConfigurationManager Configuration => _host.Configuration;

    /// <inheritdoc/>
    public string AppHostDirectory { get; }

    /// <inheritdoc/>
    public Assembly? AppHostAssembly { get; }

    /// <inheritdoc/>
    public IHostEnvironment Environment => _host.Environment;

    /// <inheritdoc/>
    public IServiceCollection Services => _host.Services;

    /// <inheritdoc/>
    public IResourceCollection Resources { get; } = new ResourceCollection();

    /// <inheritdoc/>
    public IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource
    {
        ArgumentNullException.ThrowIfNull(resource);
        if (Resources.FirstOrDefault(r => string.Equals(r.Name, resource.Name, StringComparison.OrdinalIgnoreCase)) is { } existing)
        {
            throw new DistributedApplicationException($"Cannot add resource of type '{resource.GetType()}' with name '{resource.Name}' because resource of type '{existing.GetType()}' with that name already exists. Resource names are case-insensitive.");
        }

        Resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    /// <inheritdoc/>
    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource => new ResourceBuilder<T>(this, resource);

    /// <inheritdoc/>
    public DistributedApplication Build()
    {
        _interception?.Building(this);
        var application = new DistributedApplication(_host.Build(), startedByTest: _interception is not null);
        _interception?.Built(application);
        return application;
    }

    private static string NewKey() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}

/// <summary>What the build wrote into the AppHost's assembly: where the project, DCP and the dashboard are.</summary>
internal sealed class AppHostMetadata(Assembly? assembly, string directory)
{
    /// <summary>Folder of the AppHost project.</summary>
    public string Directory => directory;

    /// <summary>The AppHost's name.</summary>
    public string Name => assembly?.GetName().Name ?? "AppHost";

    public string? Read(string key) => Read(assembly, key);

    public static string? Read(Assembly? assembly, string key) => assembly?.GetCustomAttributes<AssemblyMetadataAttribute>()
        .FirstOrDefault(a => string.Equals(a.Key, key, StringComparison.OrdinalIgnoreCase))?.Value;
}
