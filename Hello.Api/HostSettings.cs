using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Hello.ServiceDefaults;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Hello.Api;

/// <summary>A setting with which the API cannot start. The message names it and says what would be right.</summary>
internal sealed class SettingException(string message) : Exception(message);

/// <summary>The settings of the host: which cannot work, which are ignored, and why the API did not start.</summary>
/// <param name="configuration">All settings.</param>
/// <param name="args">The command line, whose settings win.</param>
internal sealed class HostSettings(ConfigurationManager configuration, string[] args)
{
    /// <summary>Where the API listens if no setting says so.</summary>
    public const string DefaultPort = "8080";

    private const string EndpointSection = "Kestrel:Endpoints";
    private const string LimitSection = "Kestrel:Limits";
    private const string NoTls = "this static binary has no TLS library. Unset it";
    private const string NotRead = "nothing here reads it. Remove it, or mend its name";

    /// <summary>The longest time that a timer of .NET can wait, 2³² ms.</summary>
    private const int MaxSeconds = 4_294_967;

    internal static readonly string[] AddressKeys = ["urls", "http_ports", "https_ports"];

    /// <summary>Settings of ASP.NET Core for parts that this API does not have: https://learn.microsoft.com/aspnet/core/fundamentals/host/web-host#host-configuration-values.</summary>
    internal static readonly (string Key, string Instead)[] Unused =
    [
        ("AllowedHosts", "every host name is answered. Filter host names in the proxy in front of the API, or set it to *"),
        ("ForwardedHeaders_Enabled", "the log shows the address of the proxy. Read the client's address in the log of the proxy"),
        ("HostingStartupAssemblies", "the API loads no other assembly. Unset it"),
        ("HostingStartupExcludeAssemblies", "the API loads no other assembly. Unset it"),
        ("StartupAssembly", "the API loads no other assembly. Unset it"),
        ("PreventHostingStartup", "the API loads no other assembly. Unset it"),
        ("StaticWebAssets", "the API has no static files. Unset it"),
        ("SuppressStatusMessages", "the log says where the API listens. Set Logging__LogLevel__Microsoft.Hosting to Warning"),
        ("WebRoot", "the API has no static files. Unset it"),
        ("Https_Port", "the API redirects no request. Redirect in the proxy in front of it"),
        ("CaptureStartupErrors", "an API that cannot start says why and ends. Unset it"),
        ("DetailedErrors", "an error's details are in the log only. Unset it"),
    ];

    /// <summary>Settings that the host reads, and sections that are checked setting by setting.</summary>
    private static readonly string[] Used =
    [
        .. AddressKeys, "environment", "applicationName", "contentRoot", "shutdownTimeoutSeconds", "preferHostingUrls",
        "servicesStartConcurrently", "servicesStopConcurrently", "Kestrel", "Logging",
    ];

    /// <summary>Prefixes of variables. The first one wins.</summary>
    private static readonly string[] AllPrefixes = ["", "DOTNET_", "ASPNETCORE_"];

    private readonly List<string> _warnings = [];
    private readonly HashSet<string> _limits = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Each names a setting that is ignored, and says what to do.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Whether an address or a port is set.</summary>
    public bool HasAddress => HasHostAddress || Endpoints.Any();

    /// <summary>The addresses on which the API listens, once <see cref="CheckAddresses"/> has found them right.</summary>
    public IEnumerable<string> Addresses =>
        Endpoints.Any() ? Endpoints.Select(endpoint => endpoint["Url"]!)
        : configuration["urls"] is { Length: > 0 } urls ? Split(urls)
        : HasHostAddress ? [.. Split(configuration["http_ports"]).Select(port => $"http://+:{port}"), .. Split(configuration["https_ports"]).Select(port => $"https://+:{port}")]
        : [$"http://+:{DefaultPort}"];

    private bool HasHostAddress => AddressKeys.Any(key => configuration[key] is { Length: > 0 });

    /// <summary>Kestrel's own endpoints, unless a setting says that the host's addresses win.</summary>
    private IEnumerable<IConfigurationSection> Endpoints =>
        HasHostAddress && configuration["preferHostingUrls"]?.ToUpperInvariant() is "TRUE" or "1" ? [] : configuration.GetSection(EndpointSection).GetChildren();

    /// <summary>Unsets each empty variable, because the specification of OpenTelemetry treats an empty variable as unset. With an empty list of ports, ASP.NET Core would listen on localhost only.</summary>
    public static void UnsetEmptyVariables()
    {
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (string.IsNullOrWhiteSpace(((string?)variable.Value)?.Replace(';', ' ')))
            {
                Environment.SetEnvironmentVariable((string)variable.Key, null);
            }
        }
    }

    /// <summary>Finds an argument that ends the reading of the command line.</summary>
    /// <exception cref="SettingException">There is one.</exception>
    public static void CheckArguments(string[] args)
    {
        if (args.FirstOrDefault(arg => arg is ['-', not '-', ..] && arg.Contains('=', StringComparison.Ordinal)) is { } wrong)
        {
            throw new SettingException($"{wrong.Split('=')[0]} is no setting. Write settings in the form --urls=http://+:8080.");
        }
    }

    /// <summary>Finds a folder that does not exist. The builder of the host needs it.</summary>
    /// <exception cref="SettingException">It does not exist.</exception>
    public void CheckContentRoot()
    {
        if (configuration["contentRoot"] is { Length: > 0 } contentRoot && !Directory.Exists(contentRoot))
        {
            // The host reads it from variables with a prefix only.
            throw new SettingException($"{WrittenName("contentRoot", "DOTNET_", "ASPNETCORE_")} is '{Setting.Show(contentRoot)}', which is no folder. Unset it.");
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
                CheckEndpoint(endpoint);
            }
        }
        else if (configuration["urls"] is { Length: > 0 } urls)
        {
            var addresses = Split(urls);
            foreach (var address in addresses.DefaultIfEmpty(urls))
            {
                CheckAddress("urls", address);
            }

            Replace("urls", string.Join(';', addresses)); // the host would not trim them
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
                _warnings.Add($"{Described(key)} and is ignored: {instead}.");
            }
        }

        if (configuration["shutdownTimeoutSeconds"] is { } seconds
            && !(int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MaxSeconds))
        {
            _warnings.Add($"{Described("shutdownTimeoutSeconds")}, which is no number of seconds: the API takes 5 s. Set it to a number such as 5.");
            Replace("shutdownTimeoutSeconds", "5");
        }

        if (configuration["preferHostingUrls"]?.ToUpperInvariant() is not (null or "TRUE" or "FALSE" or "1" or "0"))
        {
            _warnings.Add($"{Described("preferHostingUrls")}, which counts as false. Set it to true or false.");
        }

        foreach (var (key, value) in ((string[])["Kestrel", "Logging"]).SelectMany(section => configuration.GetSection(section).AsEnumerable()).ToArray())
        {
            if (value is not null)
            {
                FindUnused(key, value);
            }
        }

        FindUnknown();
    }

    /// <summary>Looks at a setting of Kestrel or of the log.</summary>
    private void FindUnused(string key, string value)
    {
        switch (key.ToUpperInvariant().Split(':'))
        {
            case ["KESTREL", "ENDPOINTS", _, "URL"]:
            case ["KESTREL", "LIMITS", _, ..]: // see FindUnusedLimits
                break;
            case ["KESTREL", "ENDPOINTS", _, "PROTOCOLS"]:
            case ["KESTREL", "ENDPOINTDEFAULTS", "PROTOCOLS"]:
                CheckWord(key, value, FeatureSwitches.HttpClientSupported ? ["Http1", "Http2", "Http1AndHttp2"] : ["Http1", "Http1AndHttp2"]);
                break;
            case ["KESTREL", "ENDPOINTS", _, "CERTIFICATE" or "SNI", ..]:
            case ["KESTREL", "ENDPOINTS", _, "SSLPROTOCOLS" or "CLIENTCERTIFICATEMODE", ..]:
            case ["KESTREL", "ENDPOINTDEFAULTS", "SSLPROTOCOLS" or "CLIENTCERTIFICATEMODE", ..]:
            case ["KESTREL", "CERTIFICATES", "DEFAULT" or "DEVELOPMENT", "PATH" or "KEYPATH" or "PASSWORD" or "SUBJECT" or "STORE" or "LOCATION" or "ALLOWINVALID"]:
                CheckTls(key, value);
                break;
            case ["KESTREL", ..]:
                Ignored(key, NotRead);
                break;
            case ["LOGGING", "LOGLEVEL", _]:
            case ["LOGGING", "CONSOLE" or "OPENTELEMETRY", "LOGLEVEL", _]:
                CheckLevel(key, value);
                break;
            case ["LOGGING", "CONSOLE", not "LOGLEVEL", ..]:
                Ignored(key, "the log has one form, a line for each record on standard output. Unset it");
                break;
            case ["LOGGING", ..]:
                Ignored(key, NotRead);
                break;
            default:
                break;
        }
    }

    /// <summary>Looks at a setting of https.</summary>
    private void CheckTls(string key, string value)
    {
        if (!FeatureSwitches.HttpClientSupported)
        {
            Ignored(key, NoTls);
        }
        else if (key.EndsWith(":ClientCertificateMode", StringComparison.OrdinalIgnoreCase))
        {
            CheckWord(key, value, Enum.GetNames<ClientCertificateMode>());
        }
        else if (key.Contains(":SslProtocols:", StringComparison.OrdinalIgnoreCase))
        {
            CheckWord(key, value, [nameof(SslProtocols.Tls12), nameof(SslProtocols.Tls13)]);
        }
    }

    /// <summary>Finds a value that Kestrel would ignore without a word, or that would end the start.</summary>
    private void CheckWord(string key, string value, string[] words)
    {
        if (!words.Contains(value.Trim(), StringComparer.OrdinalIgnoreCase))
        {
            _warnings.Add($"{Described(key)}, which cannot be used: its default holds. Set it to {string.Join(" or ", words)}.");
            Replace(key, null);
        }
    }

    /// <summary>Finds variables and arguments that are meant as settings and have another name.</summary>
    private void FindUnknown()
    {
        const string prefix = "ASPNETCORE_";
        foreach (var variable in Variables.Where(variable => variable.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && !IsKnown(variable[prefix.Length..])))
        {
            _warnings.Add($"{variable} is set and is ignored: {NotRead}.");
        }

        for (var i = 0; i < args.Length; i++)
        {
            var name = args[i].Split('=')[0];
            var isSwitch = name.StartsWith("--", StringComparison.Ordinal) || name.StartsWith('/');
            var hasValue = name.Length < args[i].Length || (isSwitch && ++i < args.Length);
            var isKnown = isSwitch ? IsKnown(name.TrimStart('-', '/')) : hasValue && IsKnown(name);
            if (!isKnown || !hasValue)
            {
                _warnings.Add($"The argument {name} is ignored: {(isKnown ? "it has no value. Write it as --urls=http://+:8080" : NotRead)}.");
            }
        }

        static bool IsKnown(string name)
        {
            var key = name.Split(':')[0].Split("__")[0];
            return Used.Contains(key, StringComparer.OrdinalIgnoreCase)
                || Unused.Any(setting => setting.Key.Equals(key, StringComparison.OrdinalIgnoreCase))
                || key.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase); // see OtelSettings
        }
    }

    /// <summary>Sets a limit of Kestrel.</summary>
    /// <param name="name">The property's name.</param>
    /// <param name="set">Sets the property; throws if the value cannot be used.</param>
    public void Limit(string name, Action<string> set)
    {
        var key = $"{LimitSection}:{name}";
        _limits.Add(key);
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

    /// <summary>Warns that a buffer is larger than its setting.</summary>
    public void WarnOfSmallBuffer(string name, int bytes)
    {
        var key = $"{LimitSection}:{name}";
        if (configuration[key] is not null)
        {
            _warnings.Add($"{Described(key)}, less than the line or the headers of a request may take: {bytes} bytes hold. Set it to as many or more.");
        }
    }

    /// <summary>Finds limits that are ignored. To be called after the last <see cref="Limit"/>.</summary>
    public void FindUnusedLimits()
    {
        foreach (var (key, value) in configuration.GetSection(LimitSection).AsEnumerable())
        {
            if (value is not null && key != LimitSection && !_limits.Contains(key))
            {
                Ignored(key, "the API has no such limit. Unset it");
            }
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
            InvalidOperationException when why.Contains("HTTPS", StringComparison.Ordinal) =>
                $"{where}, and https needs a certificate. Set Kestrel__Certificates__Default__Path to its file, and Kestrel__Certificates__Default__Password to its password.",
            IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException or NotSupportedException when settings?.Certificate(why) is { } certificate =>
                $"{certificate}, and that certificate cannot be used: {why}. Set Path to a file that this user may read, and Password to its password.",
            IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException or FormatException or ArgumentException or NotSupportedException =>
                $"The settings do not let the API start: {why}.",
            _ => null,
        };
        return line?.ReplaceLineEndings(" ");
    }

    private static string[] Split(string? list) => list?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private string Where()
    {
        string[] keys = [.. Endpoints.Select(endpoint => $"{endpoint.Path}:Url")];
        if (keys.Length == 0)
        {
            keys = configuration["urls"] is { Length: > 0 } ? ["urls"] : ["http_ports", "https_ports"];
        }

        // The default is set like a setting, but nobody has written it.
        string[] set = [.. keys.Where(key => WrittenName(key, AllPrefixes) is not null).Select(Described)];
        return set.Length == 0 ? $"The API listens on port {DefaultPort} unless ASPNETCORE_HTTP_PORTS is set" : string.Join(" and ", set);
    }

    /// <summary>The setting that names a certificate. If there are several, the one that the failure is about.</summary>
    private string? Certificate(string failure)
    {
        var certificates = configuration.AsEnumerable()
            .Where(setting => setting.Value is { Length: > 0 } && setting.Key.ToUpperInvariant().Split(':') is ["KESTREL", "CERTIFICATES", _, "PATH" or "SUBJECT"] or ["KESTREL", "ENDPOINTS", _, .., "CERTIFICATE", "PATH" or "SUBJECT"])
            .ToArray();
        return certificates.Length == 0 ? null : Described(certificates.FirstOrDefault(setting => failure.Contains(setting.Value!, StringComparison.Ordinal), certificates[0]).Key);
    }

    private void CheckEndpoint(IConfigurationSection endpoint)
    {
        var url = endpoint["Url"] ?? throw new SettingException($"{NameOf($"{endpoint.Path}:Url")} is not set. Set it to an address such as http://+:8080.");
        CheckAddress($"{endpoint.Path}:Url", url);
        if (url.StartsWith("http:", StringComparison.OrdinalIgnoreCase)
            && endpoint.GetChildren().FirstOrDefault(part => part.Key.ToUpperInvariant() is "CERTIFICATE" or "SNI" or "SSLPROTOCOLS" or "CLIENTCERTIFICATEMODE") is { } tls)
        {
            throw new SettingException($"{NameOf(tls.Path)} is set, and {Described($"{endpoint.Path}:Url")}, which is no https address. Unset the one, or set the other to https://+:8443.");
        }
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

        if (parsed.Scheme.ToUpperInvariant() is not ("HTTP" or "HTTPS") || parsed.PathBase.Length > 0 || address.Contains('@', StringComparison.Ordinal))
        {
            throw new SettingException($"{Described(key)}. An address to listen on has a scheme, http or https, a host and a port. Set it to one such as http://+:8080.");
        }

        // A port that is no number ends up in the host, and 80 is used.
        if (!parsed.IsUnixPipe && !parsed.IsNamedPipe && (parsed.Port is < 0 or > IPEndPoint.MaxPort || (parsed.Host.Contains(':', StringComparison.Ordinal) && parsed.Host[^1] != ']')))
        {
            throw new SettingException($"{Described(key)}, whose port is not a number from 0 to 65535. Set it to an address such as http://+:8080.");
        }

        if (parsed.IsNamedPipe && !OperatingSystem.IsWindows())
        {
            throw new SettingException($"{Described(key)}, and only Windows has named pipes. Set it to an address such as http://+:8080.");
        }

        if (parsed is { Host: "localhost", Port: 0 })
        {
            throw new SettingException($"{Described(key)}, and localhost is two addresses, which cannot share a free port. Set it to http://127.0.0.1:0.");
        }

        RefuseHttps(key, parsed.Scheme.Equals("https", StringComparison.OrdinalIgnoreCase));
    }

    private void CheckPorts(string key)
    {
        var ports = Split(configuration[key]);
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

    private void CheckLevel(string key, string value)
    {
        if (!(Enum.TryParse<LogLevel>(value, ignoreCase: true, out var level) && level is >= LogLevel.Trace and <= LogLevel.None))
        {
            _warnings.Add($"{Described(key)}, which is no level: it counts as Information. Set it to Trace, Debug, Information, Warning, Error, Critical or None.");
            Replace(key, nameof(LogLevel.Information));
        }
    }

    /// <summary>Adds the values as a source, because a value that is only set is lost when another source is added.</summary>
    private void Replace(string key, string? value) => configuration.AddInMemoryCollection([new(key, value)]);

    /// <summary>Without the value: a setting that nothing reads may be a secret.</summary>
    private void Ignored(string key, string instead) => _warnings.Add($"{NameOf(key)} is set and is ignored: {instead}.");

    /// <summary><c>ASPNETCORE_URLS is 'http://+:8080'</c>.</summary>
    private string Described(string key) => $"{NameOf(key)} is '{Setting.Show(configuration[key] ?? "")}'";

    private string NameOf(string key) => WrittenName(key, AllPrefixes) ?? VariableOf(key);

    private static string VariableOf(string key) => key.Replace(":", "__", StringComparison.Ordinal);

    private static IEnumerable<string> Variables => Environment.GetEnvironmentVariables().Keys.Cast<string>();

    /// <summary>The name under which the user wrote a setting, or the first setting of a section. If the user wrote it twice, the name that wins.</summary>
    private string? WrittenName(string key, params string[] prefixes)
    {
        var variables = Variables.ToArray();
        return args.Select(arg => arg.Split('=')[0]).FirstOrDefault(arg => Is(arg, "--" + key, ":") || Is(arg, "/" + key, ":") || Is(arg, key, ":"))
            ?? prefixes
                .Select(prefix => variables.Where(variable => Is(variable, prefix + VariableOf(key), "__")).MinBy(variable => variable.Length))
                .FirstOrDefault(variable => variable is not null);

        static bool Is(string written, string name, string separator) =>
            written.StartsWith(name, StringComparison.OrdinalIgnoreCase)
            && (written.Length == name.Length || written.AsSpan(name.Length).StartsWith(separator, StringComparison.Ordinal));
    }
}
