using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>What the AppHost writes into the console log of a resource.</summary>
internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Not measured: {Reason}")]
    public static partial void NotMeasured(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The engine has no addresses for another network ({Reason}). "
        + "Remove the networks that no container uses with docker network prune, then start the AppHost again.")]
    public static partial void NoNetwork(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "This Podman is older than 5.0. It does not say which containers a network has, so the builds "
        + "never start. Install a newer one, or use Docker: ASPIRE_CONTAINER_RUNTIME=docker dotnet run --project Hello.AppHost")]
    public static partial void OldPodman(this ILogger log);

    /// <summary>Says what a state of a resource means, for somebody who sees it for the first time.</summary>
    /// <param name="exitCode">How its container ended; null if it has not.</param>
    public static void Explain(this ILogger log, string state, int? exitCode)
    {
        if (state == KnownResourceStates.Building)
        {
            log.Building();
        }
        else if (state == KnownResourceStates.FailedToStart)
        {
            log.FailedToStart();
        }
        else if (state == KnownResourceStates.RuntimeUnhealthy)
        {
            log.NoEngine();
        }
        else if (state == KnownResourceStates.Exited && exitCode is { } code and not 0)
        {
            log.Ended(code);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Building the image. The first build takes a minute or two, later ones a few seconds.")]
    private static partial void Building(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "It did not start. The lines above say why. Correct the cause, then press Start. The other builds are not affected.")]
    private static partial void FailedToStart(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "No container engine answers. Start it, or run eng/setup.sh. The build then begins by itself.")]
    private static partial void NoEngine(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "The container ended with exit code {ExitCode}. The lines above say why. Press Start to start it again.")]
    private static partial void Ended(this ILogger log, int exitCode);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Reason}")]
    public static partial void LeftBehind(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Sending {Requests} requests over {Connections} connections, for {Seconds} s at most ...")]
    public static partial void SendingLoad(this ILogger log, int requests, int connections, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Step}")]
    public static partial void Measuring(this ILogger log, string step);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Summary}")]
    public static partial void LoadSent(this ILogger log, string summary);
}
