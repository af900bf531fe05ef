namespace Hello.Api;

/// <summary>Says in one line why the API could not start: the framework's own reason, behind the settings that it is about.</summary>
internal static class StartErrors
{
    public static string Explain(Exception failure, string[] args)
    {
        // An argument may be a secret. If it cannot be read, that is the reason.
        var settings = Settings.AddTo(new(), failure is FormatException ? [] : args);
        var why = args.Where(arg => arg.Contains('=', StringComparison.Ordinal))
            .Aggregate(failure.Message, (text, arg) => text.Replace(arg, arg.Split('=')[0], StringComparison.Ordinal)).TrimEnd('.');
        string[] addresses = [.. ListenAddresses.Read(settings).Select(address => address.Key)];
        var openTelemetry = settings.GetChildren().Select(setting => setting.Key).Where(key => key.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase));
        return (failure is IOException { InnerException: { } inner } ? inner : failure) switch
        {
            _ when ProcessLimits.Refusal is { } refusal => refusal,
            SettingException => failure.Message,
            AddressInUseException when why.Contains("unix:/", StringComparison.Ordinal) =>
                $"{Describe(addresses)}, and that file exists: {why}. Stop the program that listens there and remove the file, or use another one.",
            AddressInUseException =>
                $"{Describe(addresses)}, and the port is taken: {why}. Stop the program that listens there, or set ASPNETCORE_HTTP_PORTS to another port.",
            SocketException { SocketErrorCode: SocketError.AddressNotAvailable } =>
                $"{Describe(addresses)}, and this machine or container has no such address. Use http://+:8080 to listen on all that it has.",
            SocketException => $"{Describe(addresses)}, and the API cannot listen there: {why}.",
            InvalidOperationException when why.Contains("No server certificate", StringComparison.Ordinal) =>
                $"{Describe(addresses)}, and https needs a certificate. "
                    + "Set Kestrel__Certificates__Default__Path to its file, and Kestrel__Certificates__Default__Password to its password.",
            _ when failure.StackTrace?.Contains("OpenTelemetry", StringComparison.Ordinal) is true =>
                $"OpenTelemetry cannot start with {string.Join(", ", openTelemetry)}: {why}. Correct the one that this is about.",
            FormatException => $"The command line cannot be read: {why}.",
            OutOfMemoryException => ProcessLimits.OutOfMemory,
            _ => $"{Describe(Named())}: {why}.",
        };

        string Describe(IEnumerable<string> keys) => string.Join(" and ", keys.Distinct().Select(key => Settings.Describe(settings, key)));

        // The reason quotes the value that it is about. If it does not, it may be about each.
        IEnumerable<string> Named()
        {
            var kestrel = settings.GetSection("Kestrel").AsEnumerable().Where(setting => setting.Value is not null).ToArray();
            var quoted = kestrel.Concat(settings.GetSection("Logging").AsEnumerable()).Where(setting => why.Contains($"'{setting.Value}'", StringComparison.Ordinal));
            return quoted.Any() ? quoted.Select(setting => setting.Key) : kestrel.Length > 0 ? kestrel.Select(setting => setting.Key) : addresses;
        }
    }
}
