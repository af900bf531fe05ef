using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dcp;
using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting;

/// <summary>The commands that every container has: start, stop and restart.</summary>
internal static class LifecycleCommands
{
    public static void AddTo(IResourceBuilder<ContainerResource> container)
    {
        Add(
            KnownResourceCommands.StartCommand, "Start", "Start this resource", "Play", IconVariant.Filled, isHighlighted: true, "started",
            state => state switch
            {
                Stopped => ResourceCommandState.Enabled,
                "" or "Starting" or "Building" or "RuntimeUnhealthy" => ResourceCommandState.Disabled,
                _ => ResourceCommandState.Hidden,
            },
            (orchestrator, id, ct) => orchestrator.StartContainerAsync(id, ct));
        Add(
            KnownResourceCommands.StopCommand, "Stop", "Stop this resource", "Stop", IconVariant.Filled, isHighlighted: true, "stopped",
            state => state switch
            {
                "Stopping" => ResourceCommandState.Disabled,
                "" or Stopped or "Starting" or "Building" or "RuntimeUnhealthy" => ResourceCommandState.Hidden,
                _ => ResourceCommandState.Enabled,
            },
            (orchestrator, id, ct) => orchestrator.StopContainerAsync(id, ct));
        Add(
            KnownResourceCommands.RestartCommand, "Restart", "Restart this resource", "ArrowCounterclockwise", IconVariant.Regular, isHighlighted: false, "restarted",
            state => state == KnownResourceStates.Running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled,
            async (orchestrator, id, ct) =>
            {
                await orchestrator.StopContainerAsync(id, ct).ConfigureAwait(false);
                await orchestrator.StartContainerAsync(id, ct).ConfigureAwait(false);
            });

        void Add(
            string name, string displayName, string description, string icon, IconVariant iconVariant, bool isHighlighted, string done,
            Func<string, ResourceCommandState> updateState, Func<Orchestrator, string, CancellationToken, Task> execute) =>
            container.WithAnnotation(new ResourceCommandAnnotation(
                name,
                displayName,
                new()
                {
                    Description = description,
                    IconName = icon,
                    IconVariant = iconVariant,
                    IsHighlighted = isHighlighted,
                    UpdateState = context => updateState(Simplify(context.ResourceSnapshot.State?.Text)),
                },
                async context =>
                {
                    await execute(context.Services.GetRequiredService<Orchestrator>(), context.ResourceName, context.CancellationToken).ConfigureAwait(false);
                    return CommandResults.Success($"Resource '{container.Resource.Name}' {done}.");
                }));
    }

    private const string Stopped = nameof(Stopped);

    private static string Simplify(string? state) => state is not null && KnownResourceStates.TerminalStates.Contains(state) ? Stopped : state ?? "";
}
