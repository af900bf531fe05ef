using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>What the AppHost writes into the console log of a resource.</summary>
internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Not measured: {Reason}")]
    public static partial void NotMeasured(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The engine has no addresses for another network ({Reason}). Remove the networks that no container uses with docker network prune, then start the AppHost again.")]
    public static partial void NoNetwork(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Reason}")]
    public static partial void LeftBehind(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Sending {Requests} requests over {Connections} connections, for {Seconds} s at most ...")]
    public static partial void SendingLoad(this ILogger log, int requests, int connections, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Answered} of {Requests} requests answered")]
    public static partial void LoadProgress(this ILogger log, int answered, int requests);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Summary}")]
    public static partial void LoadSent(this ILogger log, string summary);
}
