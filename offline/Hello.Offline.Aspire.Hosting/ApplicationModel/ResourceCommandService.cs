using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Runs the commands of the resources, for the dashboard and for tests.</summary>
public class ResourceCommandService
{
    private readonly ResourceNotificationService _notifications;
    private readonly ResourceLoggerService _loggers;
    private readonly IServiceProvider _services;

    internal ResourceCommandService(ResourceNotificationService notifications, ResourceLoggerService loggers, IServiceProvider services) =>
        (_notifications, _loggers, _services) = (notifications, loggers, services);

    /// <summary>Runs a command.</summary>
    /// <param name="resourceId">The name under which the orchestrator knows the resource, or its name in the model.</param>
    /// <param name="commandName">The command's name.</param>
    /// <param name="cancellationToken">Calls the command off.</param>
    /// <returns>How it ended; what went wrong in it is told here and thrown nowhere.</returns>
    public Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default) =>
        _notifications.TryGetCurrentState(resourceId, out var found)
            ? ExecuteAsync(found.Resource, found.ResourceId, commandName, cancellationToken)
            : Task.FromResult(CommandResults.Failure($"Resource '{resourceId}' not found."));

    /// <summary>Runs a command.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="commandName">The command's name.</param>
    /// <param name="cancellationToken">Calls the command off.</param>
    /// <returns>How it ended; what went wrong in it is told here and thrown nowhere.</returns>
    public Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteCommandAsync(resource.Name, commandName, cancellationToken);

    private async Task<ExecuteCommandResult> ExecuteAsync(IResource resource, string resourceId, string commandName, CancellationToken cancellationToken)
    {
        var logger = _loggers.GetLogger(resourceId);
        if (resource.Annotations.OfType<ResourceCommandAnnotation>().FirstOrDefault(c => c.Name == commandName) is not { } command)
        {
            logger.LogInformation("Command '{CommandName}' not available.", commandName);
            return CommandResults.Failure($"Command '{commandName}' not available for resource '{resourceId}'.");
        }

        logger.LogInformation("Executing command '{CommandName}'.", commandName);
        try
        {
            var result = await command.ExecuteCommand(new()
            {
                Services = _services,
                ResourceName = resourceId,
                CancellationToken = cancellationToken,
                Logger = logger,
            }).ConfigureAwait(false);

            if (result.Success)
            {
                logger.LogInformation("Successfully executed command '{CommandName}'.", commandName);
            }
            else if (!result.Canceled)
            {
                logger.LogError("Failure executing command '{CommandName}': {Message}", commandName, result.Message);
            }

            return result;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return CommandResults.Canceled();
        }
#pragma warning disable CA1031 // Whatever a command throws is the command's failure, not the AppHost's.
        catch (Exception e)
#pragma warning restore CA1031
        {
            logger.LogError("Failure executing command '{CommandName}': {Message}", commandName, e.Message);
            return CommandResults.Failure(e);
        }
    }
}
