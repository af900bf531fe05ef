using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>The application that a model describes.</summary>
public class DistributedApplication : IHost, IAsyncDisposable
{
    private readonly IHost _host;
    private readonly bool _startedByTest;
    private bool _disposed;

    /// <summary>Wraps the host that runs the application.</summary>
    /// <param name="host">The host.</param>
    public DistributedApplication(IHost host)
        : this(host, startedByTest: false)
    {
    }

    internal DistributedApplication(IHost host, bool startedByTest) => (_host, _startedByTest) = (host, startedByTest);

    /// <summary>The application's services.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>The states of the resources.</summary>
    public ResourceNotificationService ResourceNotifications => Services.GetRequiredService<ResourceNotificationService>();

    /// <summary>The commands of the resources.</summary>
    public ResourceCommandService ResourceCommands => Services.GetRequiredService<ResourceCommandService>();

    /// <summary>Begins a model.</summary>
    /// <param name="args">The command line.</param>
    /// <returns>The model's builder.</returns>
    public static IDistributedApplicationBuilder CreateBuilder(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        return CreateBuilder(new DistributedApplicationOptions { Args = args });
    }

    /// <summary>Begins a model.</summary>
    /// <param name="options">How the application runs.</param>
    /// <returns>The model's builder.</returns>
    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options) => new DistributedApplicationBuilder(options);

    /// <summary>Starts the application and returns once its endpoints are known; the containers are built and started meanwhile.</summary>
    /// <param name="cancellationToken">Calls the start off.</param>
    /// <returns>Completes once it has started.</returns>
    public virtual Task StartAsync(CancellationToken cancellationToken = default) => _host.StartAsync(cancellationToken);

    /// <summary>Stops the application and removes its containers and networks.</summary>
    /// <param name="cancellationToken">Calls the orderly stop off.</param>
    /// <returns>Completes once it has stopped.</returns>
    public virtual Task StopAsync(CancellationToken cancellationToken = default) => _host.StopAsync(cancellationToken);

    /// <summary>Runs the application until it is told to stop.</summary>
    public void Run() => RunAsync().GetAwaiter().GetResult();

    /// <summary>Runs the application until it is told to stop.</summary>
    /// <param name="cancellationToken">Tells it to stop.</param>
    /// <returns>Completes once it has stopped.</returns>
    public virtual async Task RunAsync(CancellationToken cancellationToken = default)
    {
        // A test starts and stops the application itself; until then the AppHost's own code stands here.
        if (_startedByTest)
        {
            await WaitUntilStoppedAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        await _host.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops the application, if it runs, and gives up what it holds.</summary>
    public virtual void Dispose()
    {
        DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }

    /// <summary>Stops the application, if it runs, and gives up what it holds.</summary>
    /// <returns>Completes once it has.</returns>
    public virtual async ValueTask DisposeAsync()
    {
        // A test disposes the application and the builder that made it.
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        if (_startedByTest)
        {
            await _host.StopAsync().ConfigureAwait(false);
        }

        await ((IAsyncDisposable)_host).DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    private async Task WaitUntilStoppedAsync(CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped.Register(stopped.SetResult);
        await stopped.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>What is wrong with a model or with what it needs.</summary>
public class DistributedApplicationException : Exception
{
    /// <summary>Without a word.</summary>
    public DistributedApplicationException()
    {
    }

    /// <summary>Says what is wrong.</summary>
    /// <param name="message">What is wrong.</param>
    public DistributedApplicationException(string message)
        : base(message)
    {
    }

    /// <summary>Says what is wrong, and why.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="inner">Why.</param>
    public DistributedApplicationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>How the application runs.</summary>
public sealed class DistributedApplicationOptions
{
    /// <summary>The command line.</summary>
    public string[]? Args { get; set; }

    /// <summary>Name of the AppHost's assembly; the process's own when null.</summary>
    public string? AssemblyName { get; set; }

    /// <summary>Whether to run without a dashboard.</summary>
    public bool DisableDashboard { get; set; }

    /// <summary>Whether the console logs of the resources go to the AppHost's own log, too.</summary>
    public bool EnableResourceLogging { get; set; }
}
