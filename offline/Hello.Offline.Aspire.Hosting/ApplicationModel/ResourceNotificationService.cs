using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A change of a resource's state.</summary>
/// <param name="resource">The resource.</param>
/// <param name="resourceId">The name under which the orchestrator knows it.</param>
/// <param name="snapshot">Its state.</param>
public class ResourceEvent(IResource resource, string resourceId, CustomResourceSnapshot snapshot)
{
    /// <summary>The resource.</summary>
    public IResource Resource { get; } = resource;

    /// <summary>The name under which the orchestrator knows it.</summary>
    public string ResourceId { get; } = resourceId;

    /// <summary>Its state.</summary>
    public CustomResourceSnapshot Snapshot { get; } = snapshot;
}

/// <summary>What to do when a resource that is waited for has ended.</summary>
public enum WaitBehavior
{
    /// <summary>Go on waiting: a user may start it again.</summary>
    WaitOnResourceUnavailable,

    /// <summary>Give up.</summary>
    StopOnResourceUnavailable,
}

/// <summary>Knows the state of every resource and tells of its changes.</summary>
public class ResourceNotificationService : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ResourceEvent> _current = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Channel<ResourceEvent>> _watchers = [];
    private readonly IServiceProvider _services;
    private readonly ResourceLoggerService _loggers;

    internal ResourceNotificationService(IServiceProvider services, ResourceLoggerService loggers) => (_services, _loggers) = (services, loggers);

    private bool DashboardDisabled => _services.GetRequiredService<DistributedApplicationOptions>().DisableDashboard;

    /// <summary>Waits until a resource is in a state.</summary>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="targetState">The state; Running when null.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Completes once it is.</returns>
    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, [targetState ?? KnownResourceStates.Running], cancellationToken);

    /// <summary>Waits until a resource is in one of several states.</summary>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="targetStates">The states.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The state it is in.</returns>
    public async Task<string> WaitForResourceAsync(string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var states = targetStates.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reached = await WaitAsync(
            resourceName,
            e => e.Snapshot.State is { } state && states.Contains(state.Text),
            $"failed to enter the state {string.Join(" or ", states)}",
            cancellationToken).ConfigureAwait(false);
        return reached.Snapshot.State!.Text;
    }

    /// <summary>Waits until something holds of a resource.</summary>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="predicate">What is to hold.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The event for which it held.</returns>
    public Task<ResourceEvent> WaitForResourceAsync(string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default) =>
        WaitAsync(resourceName, predicate, "failed to reach the awaited state", cancellationToken);

    /// <summary>Waits until a resource is healthy; without a dashboard gives up when it has ended.</summary>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The event in which it was healthy.</returns>
    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) =>
        WaitForResourceHealthyAsync(
            resourceName,
            DashboardDisabled ? WaitBehavior.StopOnResourceUnavailable : WaitBehavior.WaitOnResourceUnavailable,
            cancellationToken);

    /// <summary>Waits until a resource is healthy.</summary>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="waitBehavior">What to do when it has ended.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The event in which it was healthy.</returns>
    /// <exception cref="DistributedApplicationException">It does not exist or has ended, and the wait was to give up then.</exception>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        var stop = waitBehavior == WaitBehavior.StopOnResourceUnavailable;
        if (stop && !_services.GetRequiredService<DistributedApplicationModel>().Resources.Any(r => NameEquals(r, resourceName)))
        {
            throw new DistributedApplicationException($"Stopped waiting for resource '{resourceName}' to become healthy because it does not exist in the application model.");
        }

        var reached = await WaitAsync(
            resourceName,
            e => e.Snapshot.HealthStatus == HealthStatus.Healthy || (stop && IsUnavailable(e.Snapshot.State?.Text)),
            "failed to become healthy",
            cancellationToken).ConfigureAwait(false);

        return reached.Snapshot.HealthStatus == HealthStatus.Healthy
            ? reached
            : throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy because it failed to start.{DescribeLast(resourceName)}");

        static bool IsUnavailable(string? state) =>
            state is not null && (state == KnownResourceStates.RuntimeUnhealthy || KnownResourceStates.TerminalStates.Contains(state));
    }

    /// <summary>Tells of the present state of every resource, then of each change.</summary>
    /// <param name="cancellationToken">Ends the telling.</param>
    /// <returns>The events.</returns>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var watcher = Channel.CreateUnbounded<ResourceEvent>(new() { SingleReader = true });
        lock (_lock)
        {
            foreach (var present in _current.Values)
            {
                watcher.Writer.TryWrite(present);
            }

            _watchers.Add(watcher);
        }

        try
        {
            await foreach (var change in watcher.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return change;
            }
        }
        finally
        {
            lock (_lock)
            {
                _watchers.Remove(watcher);
            }
        }
    }

    /// <summary>Finds the present state of a resource.</summary>
    /// <param name="resourceId">The name under which the orchestrator knows it, or its name in the model.</param>
    /// <param name="resourceEvent">The state.</param>
    /// <returns>Whether there is such a resource.</returns>
    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        lock (_lock)
        {
            resourceEvent = _current.GetValueOrDefault(resourceId)
                ?? _current.Values.FirstOrDefault(e => NameEquals(e.Resource, resourceId));
            return resourceEvent is not null;
        }
    }

    /// <summary>Changes the state of a resource and tells of it.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="stateFactory">Makes the new state of the present one.</param>
    /// <returns>Completes once it has been told.</returns>
    public Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        string id;
        lock (_lock)
        {
            id = _current.Values.FirstOrDefault(e => e.Resource == resource)?.ResourceId ?? resource.Name;
        }

        return PublishUpdateAsync(resource, id, stateFactory);
    }

    /// <summary>Changes the state of a resource and tells of it.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="resourceId">The name under which the orchestrator knows it.</param>
    /// <param name="stateFactory">Makes the new state of the present one.</param>
    /// <returns>Completes once it has been told.</returns>
    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_lock)
        {
            var previous = _current.GetValueOrDefault(resourceId)?.Snapshot
                ?? new() { ResourceType = resource is ContainerResource ? "Container" : "Executable", Properties = [], CreationTimeStamp = DateTime.UtcNow };
            var next = stateFactory(previous);
            next = next with
            {
                Commands = [.. resource.Annotations.OfType<ResourceCommandAnnotation>().Select(c => c.ToSnapshot(next, _services))],
            };
            var change = new ResourceEvent(resource, resourceId, next);
            _current[resourceId] = change;
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryWrite(change);
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>Ends every watch.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryComplete();
            }
        }

        GC.SuppressFinalize(this);
    }

    private static bool NameEquals(IResource resource, string name) => string.Equals(resource.Name, name, StringComparison.OrdinalIgnoreCase);

    private async Task<ResourceEvent> WaitAsync(string resourceName, Func<ResourceEvent, bool> predicate, string failure, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var change in WatchAsync(cancellationToken).ConfigureAwait(false))
            {
                if (NameEquals(change.Resource, resourceName) && predicate(change))
                {
                    return change;
                }
            }
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(CancelledMessage(), e, e.CancellationToken);
        }

        throw new OperationCanceledException(CancelledMessage());

        string CancelledMessage() => $"Resource '{resourceName}' {failure} before the operation was cancelled.{DescribeLast(resourceName)}";
    }

    private string DescribeLast(string resourceName)
    {
        if (!TryGetCurrentState(resourceName, out var last))
        {
            return " No resource of that name has reported a state.";
        }

        var snapshot = last.Snapshot;
        var health = string.Concat(snapshot.HealthReports.Select(r => $", {r.Name}: {r.Status?.ToString() ?? "not yet run"} {r.Description}"));
        var log = string.Join(Environment.NewLine, _loggers.GetLastLines(last.ResourceId, 10).Select(line => $"  {line.Content}"));
        return $" Its state is {snapshot.State?.Text ?? "unknown"}{(snapshot.ExitCode is { } code ? $", exit code {code}" : "")}{health}."
            + (log.Length > 0 ? $" The last lines of its log:{Environment.NewLine}{log}" : "");
    }
}
