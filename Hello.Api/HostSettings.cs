using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Hello.ServiceDefaults;
using Microsoft.AspNetCore.Connections;

namespace Hello.Api;

/// <summary>A setting with which the API cannot start. The message names it and says what would be right.</summary>
internal sealed class SettingException(string message) : Exception(message);

/// <summary>The settings of the host: which cannot work, which are ignored, and why the API did not start.</summary>
/// <param name="configuration">All settings.</param>
/// <param name="args">The command line, whose settings win.</param>
internal sealed class HostSettings(ConfigurationManager configuration, string[] args)
{
    private const string EndpointSection = "Kestrel:Endpoints";
    private const string LimitSection = "Kestrel:Limits";

    internal static readonly string[] AddressKeys = ["urls", "http_ports", "https_ports"];

    /// <summary>Settings of ASP.NET Core for parts that this API does not have: https://learn.microsoft.com/aspnet/core/fundamentals/host/web-host#host-configuration-values.</summary>
    internal static readonly (string Key, string Instead)[] Unused =
    [
        ("AllowedHosts", "every host name is answered. Filter host names in the proxy in front of the API, or set it to *"),
        ("ForwardedHeaders_Enabled", "the log shows the address of the proxy. Read the client's address in the log of the proxy"),
        ("HostingStartupAssemblies", "the API loads no other assembly. Unset it"),
        ("HostingStartupExcludeAssemblies", "the API loads no other assembly. Unset it"),
        ("StartupAssembly", "the API loads no other assembly. Unset it"),
        ("WebRoot", "the API has no static files. Unset it"),
        ("Https_Port", "the API redirects no request. Redirect in the proxy in front of it"),
        ("CaptureStartupErrors", "an API that cannot start says why and ends. Unset it"),
        ("DetailedErrors", "an error's details are in the log only. Unset it"),
    ];

    private readonly List<string> _warnings = [];
    private readonly HashSet<string> _limits = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Each names a setting that is ignored, and says what to do.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Whether an address or a port is set.</summary>
    public bool HasAddress => AddressKeys.Any(key => configuration[key] is { Length: > 0 }) || Endpoints.Any();

    private IEnumerable<IConfigurationSection> Endpoints => configuration.GetSection(EndpointSection).GetChildren();

    /// <summary>Makes an empty variable one that is not set, as the specification of OpenTelemetry demands. ASP.NET Core would listen on localhost only.</summary>
    public static void UnsetEmptyVariables()
    {
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (string.IsNullOrWhiteSpace((string?)variable.Value))
            {
                Environment.SetEnvironmentVariable((string)variable.Key, null);
            }
        }
    }

    /// <summary>Finds a folder that does not exist. The builder of the host needs it.</summary>
    /// <exception cref="SettingException">It does not exist.</exception>
    public void CheckContentRoot()
    {
        if (configuration["contentRoot"] is { Length: > 0 } contentRoot && !Directory.Exists(contentRoot))
        {
            throw new SettingException($"{Described("contentRoot")}, which is no folder. Unset it.");
        }
    }

    /// <summary>Finds addresses on which the API cannot listen.</summary>
    /// <exception cref="SettingException">There is one.</exception>
    public void CheckAddresses()
    {
        if (Endpoints.Any())
        {
            foreach (var endpoint in Endpoints)
            {
                CheckAddress($"{endpoint.Path}:Url", endpoint["Url"] ?? throw new SettingException($"{NameOf($"{endpoint.Path}:Url")} is not set. Set it to an address such as http://+:8080."));
            }
        }
        else if (configuration["urls"] is { Length: > 0 } urls)
        {
            foreach (var url in urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                CheckAddress("urls", url);
            }
        }
        else
        {
            CheckPorts("http_ports");
            CheckPorts("https_ports");
        }
    }

    /// <summary>Finds settings that are ignored, and replaces levels of the log that do not exist.</summary>
    public void FindUnused()
    {
        foreach (var (key, instead) in Unused)
        {
            if (configuration[key] is { } value && value != "*" && !value.Equals("false", StringComparison.OrdinalIgnoreCase))
            {
                Ignored(key, instead);
            }
        }

        if (configuration["shutdownTimeoutSeconds"] is { } seconds && !int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            _warnings.Add($"{Described("shutdownTimeoutSeconds")}, which is no number of seconds: the API takes 5 s. Set it to a number such as 5.");
            Replace("shutdownTimeoutSeconds", "5");
        }

        foreach (var part in configuration.GetSection("Logging").GetChildren().ToArray())
        {
            foreach (var setting in part.Key.Equals("LogLevel", StringComparison.OrdinalIgnoreCase) ? [] : part.GetChildren())
            {
                if (!setting.Key.Equals("LogLevel", StringComparison.OrdinalIgnoreCase) || !(part.Key is "Console" or "OpenTelemetry"))
                {
                    Ignored(setting.Path, "the log has one form, a line for each record on standard output. Unset it");
                }
            }

            CheckLevels(part.Key.Equals("LogLevel", StringComparison.OrdinalIgnoreCase) ? part : part.GetSection("LogLevel"));
        }

        foreach (var part in configuration.GetSection("Kestrel").GetChildren())
        {
            if (!(part.Key.ToUpperInvariant() is "ENDPOINTS" or "ENDPOINTDEFAULTS" or "CERTIFICATES" or "LIMITS"))
            {
                Ignored(part.Path, "the API reads Endpoints, EndpointDefaults, Certificates and Limits of Kestrel's settings. Unset it");
            }
        }
    }

    /// <summary>Sets a limit of Kestrel.</summary>
    /// <param name="name">The property's name.</param>
    /// <param name="set">Sets the property; throws if the value cannot be used.</param>
    public void Limit(string name, Action<string> set)
    {
        var key = $"{LimitSection}:{name}";
        _limits.Add(name.Split(':')[0]);
        try
        {
            if (configuration[key] is { Length: > 0 } value)
            {
                set(value);
            }
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            _warnings.Add($"{Described(key)}, which is no value for this limit: the API's own limit holds. Set it to a number, or to a time such as 00:02:10.");
        }
    }

    /// <summary>Finds limits that are ignored. To be called after the last <see cref="Limit"/>.</summary>
    public void FindUnusedLimits()
    {
        foreach (var limit in configuration.GetSection(LimitSection).GetChildren().Where(limit => !_limits.Contains(limit.Key)))
        {
            Ignored(limit.Path, "the API has no such limit. Unset it");
        }
    }

    /// <summary>Says in one line why the API could not start.</summary>
    /// <param name="settings">The settings; null if they could not be read.</param>
    /// <returns>The line; null if a setting is not the cause.</returns>
    public static string? Explain(HostSettings? settings, Exception failure)
    {
        var cause = failure is IOException { InnerException: { } inner } ? inner : failure;
        var (where, why) = (settings?.Where(), cause.Message.TrimEnd('.'));
        var line = cause switch
        {
            SettingException => cause.Message,
            AddressInUseException => $"{where}, and the port is taken: {failure.Message} Stop the program that listens there, or choose another port.",
            SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => $"{where}, and this machine or container has no such address. Use http://+:8080 to listen on all that it has.",
            SocketException { SocketErrorCode: SocketError.AccessDenied } => $"{where}, and this user must not listen there. Use a port from 1024, such as 8080.",
            SocketException => $"{where}, and nobody can listen there: {why}. Use http://+:8080 to listen on all addresses of this machine or container.",
            IOException or UnauthorizedAccessException or CryptographicException when settings?.WrittenName("Kestrel:Certificates") is { } certificate =>
                $"{certificate} names a certificate that cannot be read: {why}. Set it to a file, and Kestrel__Certificates__Default__Password to its password.",
            InvalidOperationException when cause.Message.Contains("HTTPS", StringComparison.Ordinal) =>
                $"{where}, and https needs a certificate. Set Kestrel__Certificates__Default__Path to its file, and Kestrel__Certificates__Default__Password to its password.",
            IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException or FormatException or ArgumentException or NotSupportedException =>
                $"The settings do not let the API start: {why}.",
            _ => null,
        };
        return line?.ReplaceLineEndings(" ");
    }

    private string Where()
    {
        string[] keys = [.. Endpoints.Select(endpoint => $"{endpoint.Path}:Url")];
        if (keys.Length == 0)
        {
            keys = configuration["urls"] is { Length: > 0 } ? ["urls"] : ["http_ports", "https_ports"];
        }

        // The default is set like a setting, but nobody has written it.
        string[] set = [.. keys.Where(key => WrittenName(key) is not null).Select(Described)];
        return set.Length == 0 ? "The API listens on port 8080 unless ASPNETCORE_HTTP_PORTS is set" : string.Join(" and ", set);
    }

    private void CheckAddress(string key, string address)
    {
        BindingAddress parsed;
        try
        {
            parsed = BindingAddress.Parse(address);
        }
        catch (FormatException)
        {
            throw new SettingException($"{Described(key)}, which is no address. Set it to one such as http://+:8080.");
        }

        if (parsed.Scheme is not ("http" or "https") || parsed.PathBase.Length > 0 || address.Contains('@', StringComparison.Ordinal))
        {
            throw new SettingException($"{Described(key)}. An address to listen on has a scheme, http or https, a host and a port. Set it to one such as http://+:8080.");
        }

        // A port that is no number ends up in the host, and 80 is used.
        if (!parsed.IsUnixPipe && !parsed.IsNamedPipe && (parsed.Port is < 0 or > IPEndPoint.MaxPort || (parsed.Host.Contains(':', StringComparison.Ordinal) && parsed.Host[^1] != ']')))
        {
            throw new SettingException($"{Described(key)}, whose port is not a number from 0 to 65535. Set it to an address such as http://+:8080.");
        }

        RefuseHttps(key, parsed.Scheme == "https");
    }

    private void CheckPorts(string key)
    {
        var ports = configuration[key]?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        if (!ports.All(port => int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= IPEndPoint.MaxPort))
        {
            throw new SettingException($"{Described(key)}, which is no port. Set it to a number from 0 to 65535 such as 8080, or to several with semicolons between them.");
        }

        RefuseHttps(key, key == "https_ports" && ports.Length > 0);
    }

    private void RefuseHttps(string key, bool isHttps)
    {
        if (isHttps && !FeatureSwitches.HttpClientSupported)
        {
            throw new SettingException($"{Described(key)}, and this static binary has no TLS library. Use http here and https in a proxy in front of it, or run the alpine image.");
        }
    }

    private void CheckLevels(IConfigurationSection levels)
    {
        foreach (var level in levels.GetChildren().ToArray())
        {
            if (level.Value is { } text && !(Enum.TryParse<LogLevel>(text, ignoreCase: true, out var known) && known is >= LogLevel.Trace and <= LogLevel.None))
            {
                _warnings.Add($"{Described(level.Path)}, which is no level: it counts as Information. Set it to Trace, Debug, Information, Warning, Error, Critical or None.");
                Replace(level.Path, nameof(LogLevel.Information));
            }
        }
    }

    /// <summary>As a source, because a value that is only set is lost when another source is added.</summary>
    private void Replace(string key, string value) => configuration.AddInMemoryCollection([new(key, value)]);

    private void Ignored(string key, string instead) => _warnings.Add($"{Described(key)} and is ignored: {instead}.");

    /// <summary><c>ASPNETCORE_URLS is 'http://+:8080'</c>. A section has no value.</summary>
    private string Described(string key) => configuration[key] is { } value ? $"{NameOf(key)} is '{Setting.Show(value)}'" : $"{NameOf(key)} is set";

    private string NameOf(string key) => WrittenName(key) ?? key;

    /// <summary>The name under which a setting, or the first one of a section, was written. Where it was written twice, the name that wins.</summary>
    private string? WrittenName(string key)
    {
        var name = key.Replace(":", "__", StringComparison.Ordinal);
        var variables = Environment.GetEnvironmentVariables().Keys.Cast<string>().ToArray();
        return args.Select(arg => arg.Split('=')[0]).FirstOrDefault(arg => Is(arg, "--" + key, ":") || Is(arg, "/" + key, ":"))
            ?? ((string[])["", "DOTNET_", "ASPNETCORE_"])
                .Select(prefix => variables.FirstOrDefault(variable => Is(variable, prefix + name, "__")))
                .FirstOrDefault(variable => variable is not null);

        static bool Is(string written, string name, string separator) =>
            written.StartsWith(name, StringComparison.OrdinalIgnoreCase)
            && (written.Length == name.Length || written.AsSpan(name.Length).StartsWith(separator, StringComparison.Ordinal));
    }
}
