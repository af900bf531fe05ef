namespace Hello.Api;

internal static partial class Log
{
    public static void SaidHello(this ILogger log, IPAddress? remoteAddress) =>
        log.SaidHelloTo(remoteAddress is { IsIPv4MappedToIPv6: true } ? remoteAddress.MapToIPv4() : remoteAddress);

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Said hello to {RemoteAddress}")]
    private static partial void SaidHelloTo(this ILogger log, IPAddress? remoteAddress);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message =
        "Settings: {Setting} is '{Protocols}', and this static binary speaks HTTP/1.1 only: it serves HTTP/1.1. Unset it, or run the alpine image.")]
    public static partial void SpeaksOnlyHttp1(this ILogger log, string setting, string protocols);
}
