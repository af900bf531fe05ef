using System.Collections;

namespace Hello.Api;

/// <summary>A setting with which the API cannot start. The message names it and says what would be right.</summary>
internal sealed class SettingException(string message) : Exception(message);

/// <summary>The settings in the variables and on the command line, and their names as the user wrote them.</summary>
internal static class Settings
{
    private static readonly string[] Prefixes = ["ASPNETCORE_", "DOTNET_", ""];

    /// <summary>Reads the settings of the host. Variables without a prefix are not among them: ENVIRONMENT does not set the environment.</summary>
    /// <exception cref="SettingException">The content root is no folder.</exception>
    public static IConfiguration ReadForHost(string[] args)
    {
        var host = Add(new ConfigurationBuilder(), args, Prefixes[..2]).Build();
        return host["contentRoot"] is { Length: > 0 } folder && !Directory.Exists(Path.Combine(AppContext.BaseDirectory, folder))
            ? throw new SettingException($"{Describe(host, "contentRoot")}, which is no folder. Unset it.")
            : host;
    }

    public static ConfigurationManager AddTo(ConfigurationManager settings, string[] args)
    {
        Add(settings, args, Prefixes);

        // Kestrel warns if it has addresses from two kinds of settings, so the default must not be one of them.
        if (ListenAddresses.Read(settings).Length == 0)
        {
            settings.AddInMemoryCollection([new("http_ports", "8080")]);
        }

        return settings;
    }

    /// <summary><c>ASPNETCORE_URLS is 'http://+:8080'</c>, without what is secret.</summary>
    public static string Describe(IConfiguration settings, string key) => settings[key] is not { } value ? $"{NameOf(key, null)} is not set"
        : $"{NameOf(key, value)} is '{(key.EndsWith("Password", StringComparison.OrdinalIgnoreCase) ? "***" : ShownAddress.Of(value))}'";

    /// <summary>The variable that holds the value. If none does, the name for one: the setting is a default, or an argument.</summary>
    public static string NameOf(string key, string? value) => Variables()
        .Where(variable => variable.Value == value)
        .Select(variable => variable.Name)
        .FirstOrDefault(name => Prefixes.Any(prefix => name.Replace("__", ":", StringComparison.Ordinal).Equals(prefix + key, StringComparison.OrdinalIgnoreCase)))
        ?? key.Replace(":", "__", StringComparison.Ordinal);

    /// <summary>Adds the sources, each of which wins over those before it.</summary>
    private static IConfigurationBuilder Add(IConfigurationBuilder settings, string[] args, string[] prefixes)
    {
        // The specification of OpenTelemetry treats an empty variable as unset. With an empty list of ports, ASP.NET Core
        // would listen on localhost only.
        foreach (var (name, _) in Variables().Where(variable => string.IsNullOrWhiteSpace(variable.Value.Replace(';', ' '))))
        {
            Environment.SetEnvironmentVariable(name, null);
        }

        settings.AddInMemoryCollection(
        [
            // Well below the 10 s that `docker stop` waits before it kills the process.
            new("shutdownTimeoutSeconds", "5"),
            // Otherwise the framework writes four lines for each request.
            new("Logging:LogLevel:Microsoft.AspNetCore", "Warning"),
        ]);
        foreach (var prefix in prefixes)
        {
            settings.AddEnvironmentVariables(prefix);
        }

        return settings.AddCommandLine(args);
    }

    private static IEnumerable<(string Name, string Value)> Variables() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => ((string)variable.Key, (string?)variable.Value ?? ""));
}
