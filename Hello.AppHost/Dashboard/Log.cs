using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>The lines that the AppHost writes into its console and into the console log of a resource.</summary>
internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Not measured: {Reason}")]
    public static partial void NotMeasured(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Problem}. Once an engine answers, the builds begin by themselves.")]
    public static partial void NoEngine(this ILogger log, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "The container engine answers now. The builds begin.")]
    public static partial void EngineAnswers(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "The engine has no addresses for another network ({Reason}). "
        + "Remove the networks that no container uses with docker network prune, then start the AppHost again.")]
    public static partial void NoNetwork(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "This Podman is older than 5.0. It does not say which containers a network has, so the builds "
        + "never start. Install a newer one, or use Docker: ASPIRE_CONTAINER_RUNTIME=docker dotnet run --project Hello.AppHost")]
    public static partial void OldPodman(this ILogger log);

    /// <summary>Says what a state of a resource means, for somebody who sees it for the first time.</summary>
    /// <param name="exitCode">How its container ended; null if it has not.</param>
    /// <returns>Whether the resource does not run because of an error.</returns>
    public static bool Explain(this ILogger log, string state, int? exitCode)
    {
        var hasFailed = state == KnownResourceStates.FailedToStart;
        var hasEnded = state == KnownResourceStates.Exited && exitCode is not (null or 0);
        if (state == KnownResourceStates.Building)
        {
            log.Building();
        }
        else if (hasFailed)
        {
            log.FailedToStart();
        }
        else if (hasEnded)
        {
            log.Ended(exitCode!.Value);
        }

        return hasFailed || hasEnded;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Building the image. The first build takes a minute or two, later ones a few seconds.")]
    private static partial void Building(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "It did not start. The lines above say why. Correct the cause, then press Start. The other builds are not affected.")]
    private static partial void FailedToStart(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Build} does not run: {Reason}. Its console log in the dashboard has all lines.")]
    public static partial void DoesNotRun(this ILogger log, string build, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The container ended with exit code {ExitCode}. The lines above say why. Press Start to start it again.")]
    private static partial void Ended(this ILogger log, int exitCode);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Reason}")]
    public static partial void LeftBehind(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Sending {Requests} requests over {Connections} connections, for {Seconds} s at most ...")]
    public static partial void SendingLoad(this ILogger log, int requests, int connections, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Line}")]
    public static partial void Note(this ILogger log, string line);
}
