using System.Net;

namespace Hello.Api;

internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Said hello to {RemoteAddress}")]
    public static partial void SaidHello(this ILogger log, IPAddress? remoteAddress);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Settings: {Problem}")]
    public static partial void UnusedSetting(this ILogger log, string problem);
}
