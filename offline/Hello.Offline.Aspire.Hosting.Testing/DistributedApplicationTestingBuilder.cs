using System.Reflection;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>The model that an AppHost has made, in a test's hands.</summary>
public interface IDistributedApplicationTestingBuilder : IDistributedApplicationBuilder, IAsyncDisposable, IDisposable
{
    /// <summary>Completes the model.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The application, not yet started.</returns>
    Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default);
}

/// <summary>Runs an AppHost's own code up to its model.</summary>
public static class DistributedApplicationTestingBuilder
{
    /// <summary>Runs the AppHost that a type belongs to, without dashboard and on random ports.</summary>
    /// <typeparam name="TEntryPoint">A type of the AppHost's assembly: <c>Projects.Hello_AppHost</c>.</typeparam>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The model.</returns>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(CancellationToken cancellationToken = default)
        where TEntryPoint : class => CreateAsync<TEntryPoint>([], cancellationToken);

    /// <summary>Runs the AppHost that a type belongs to, without dashboard and on random ports.</summary>
    /// <typeparam name="TEntryPoint">A type of the AppHost's assembly.</typeparam>
    /// <param name="args">Its command line.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The model.</returns>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(string[] args, CancellationToken cancellationToken = default)
        where TEntryPoint : class => CreateAsync<TEntryPoint>(args, (_, _) => { }, cancellationToken);

    /// <summary>Runs the AppHost that a type belongs to, on random ports.</summary>
    /// <typeparam name="TEntryPoint">A type of the AppHost's assembly.</typeparam>
    /// <param name="args">Its command line.</param>
    /// <param name="configureBuilder">Changes the options and settings before the AppHost's builder reads them.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The model.</returns>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(
        string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder, CancellationToken cancellationToken = default) =>
        CreateAsync(typeof(TEntryPoint), args, configureBuilder, cancellationToken);

    /// <summary>Runs the AppHost that a type belongs to, without dashboard and on random ports.</summary>
    /// <param name="entryPoint">A type of the AppHost's assembly.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The model.</returns>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync(Type entryPoint, CancellationToken cancellationToken = default) =>
        CreateAsync(entryPoint, [], (_, _) => { }, cancellationToken);

    /// <summary>Runs the AppHost that a type belongs to, without dashboard and on random ports.</summary>
    /// <param name="entryPoint">A type of the AppHost's assembly.</param>
    /// <param name="args">Its command line.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The model.</returns>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync(Type entryPoint, string[] args, CancellationToken cancellationToken = default) =>
        CreateAsync(entryPoint, args, (_, _) => { }, cancellationToken);

    /// <summary>Runs the AppHost that a type belongs to, on random ports.</summary>
    /// <param name="entryPoint">A type of the AppHost's assembly.</param>
    /// <param name="args">Its command line.</param>
    /// <param name="configureBuilder">Changes the options and settings before the AppHost's builder reads them.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The model.</returns>
    public static async Task<IDistributedApplicationTestingBuilder> CreateAsync(
        Type entryPoint,
        string[] args,
        Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entryPoint);
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(configureBuilder);
        var main = entryPoint.Assembly.EntryPoint
            ?? throw new InvalidOperationException($"Assembly of specified type {entryPoint.Name} does not have an entry point.");

        var appHost = new InterceptedAppHost(main, args, configureBuilder);
        try
        {
            return new TestingBuilder(appHost, await appHost.Builder.WaitAsync(cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            appHost.Abandon();
            throw;
        }
    }

    private sealed class TestingBuilder(InterceptedAppHost appHost, DistributedApplicationBuilder inner) : IDistributedApplicationTestingBuilder
    {
        public ConfigurationManager Configuration => inner.Configuration;

        public string AppHostDirectory => inner.AppHostDirectory;

        public Assembly? AppHostAssembly => inner.AppHostAssembly;

        public IHostEnvironment Environment => inner.Environment;

        public IServiceCollection Services => inner.Services;

        public IResourceCollection Resources => inner.Resources;

        public IResourceBuilder<T> AddResource<T>(T resource)
            where T : IResource => inner.AddResource(resource);

        public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
            where T : IResource => inner.CreateResourceBuilder(resource);

        public DistributedApplication Build() => BuildAsync().GetAwaiter().GetResult();

        public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) => appHost.BuildAsync(cancellationToken);

        public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

        public async ValueTask DisposeAsync()
        {
            appHost.Abandon();
            if (appHost.Application is { IsCompletedSuccessfully: true } application)
            {
                await (await application.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}

/// <summary>An AppHost whose entry point runs on a thread of its own and halts where its model is complete.</summary>
internal sealed class InterceptedAppHost
{
    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _mayBuild = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _application = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public InterceptedAppHost(MethodInfo main, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
    {
        var thread = new Thread(() => Run(main, args, configure)) { IsBackground = true, Name = $"{main.Module.Assembly.GetName().Name}.EntryPoint" };
        thread.Start();
    }

    public Task<DistributedApplicationBuilder> Builder => _builder.Task;

    public Task<DistributedApplication> Application => _application.Task;

    public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken)
    {
        _mayBuild.TrySetResult();
        return Application.WaitAsync(cancellationToken);
    }

    public void Abandon() => _mayBuild.TrySetCanceled();

    private void Run(MethodInfo main, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
    {
        try
        {
            BuilderInterception.Current.Value = new(
                (options, settings) => TestSettings.Apply(main.Module.Assembly, args, options, settings, configure),
                builder =>
                {
                    _builder.TrySetResult(builder);
                    _mayBuild.Task.GetAwaiter().GetResult();
                },
                application => _application.TrySetResult(application));
            var result = main.Invoke(null, main.GetParameters().Length == 0 ? [] : [args]);
            (result as Task)?.GetAwaiter().GetResult();
            Fail(new InvalidOperationException($"The entry point exited without building a {nameof(DistributedApplication)}."));
        }
#pragma warning disable CA1031 // Whatever the AppHost throws is for the test to see, not for this thread to die of.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail((e as TargetInvocationException)?.InnerException ?? e);
        }
    }

    private void Fail(Exception e)
    {
        _builder.TrySetException(e);
        _application.TrySetException(e);
        // Nobody may be waiting for either any more.
        _ = _builder.Task.Exception;
        _ = _application.Task.Exception;
    }
}

/// <summary>The settings under which an AppHost runs in a test.</summary>
internal static class TestSettings
{
    public static void Apply(
        Assembly appHost,
        string[] args,
        DistributedApplicationOptions options,
        HostApplicationBuilderSettings settings,
        Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
    {
        settings.Args = options.Args = [.. settings.Args ?? [], .. args];
        settings.ApplicationName = options.AssemblyName = appHost.GetName().Name;
        settings.ContentRootPath = AppHostMetadata.Read(appHost, "apphostprojectpath");
        settings.Configuration ??= new();
        options.DisableDashboard = true;
        options.EnableResourceLogging = true;
        AddUnlessSet(settings, new()
        {
            ["DcpPublisher:ContainerRuntimeInitializationTimeout"] = "00:00:30",
            ["DcpPublisher:RandomizePorts"] = "true",
            ["ASPNETCORE_URLS"] = "http://localhost:8080",
            ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = "http://localhost:4317",
            ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true",
        });

        configure(options, settings);

        if (settings.ContentRootPath is { } project)
        {
            AddUnlessSet(settings, ReadFirstLaunchProfile(Path.Combine(project, "Properties", "launchSettings.json")));
        }
    }

    private static void AddUnlessSet(HostApplicationBuilderSettings settings, Dictionary<string, string?> defaults)
    {
        using var set = new ConfigurationManager();
        set.AddConfiguration(settings.Configuration!).AddCommandLine(settings.Args ?? []);
        // An array: the source is read again whenever the configuration is, and by then these are set.
        settings.Configuration!.AddInMemoryCollection([.. defaults.Where(d => set[d.Key] is null)]);
    }

    /// <summary>The variables of the profile that <c>dotnet run</c> would take; those of the host also without their prefix, as the host reads them.</summary>
    private static Dictionary<string, string?> ReadFirstLaunchProfile(string path)
    {
        Dictionary<string, string?> variables = [];
        if (!File.Exists(path))
        {
            return variables;
        }

        using var document = JsonDocument.Parse(File.ReadAllBytes(path), new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        var profile = document.RootElement.GetProperty("profiles").EnumerateObject().First();
        if (profile.Value.TryGetProperty("environmentVariables", out var own))
        {
            foreach (var variable in own.EnumerateObject())
            {
                variables[variable.Name] = variable.Value.GetString();
                if (variable.Name.Split('_', 2) is ["DOTNET" or "ASPNETCORE", var name])
                {
                    variables[name] = variable.Value.GetString();
                }
            }
        }

        return variables;
    }
}
