using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using OpenTelemetry.Exporter;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>
/// Reads where one signal is exported to. <c>OTEL_EXPORTER_OTLP_{signal}_*</c> wins over <c>OTEL_EXPORTER_OTLP_*</c>.
/// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
/// </summary>
/// <remarks>
/// The exporter package reads the variables too, but for all three signals or none. It ignores a value that it cannot
/// use without a message, or it throws.
/// </remarks>
internal sealed class OtlpSignal
{
    /// <summary>The default port of OTLP over gRPC. See https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port.</summary>
    private const int GrpcPort = 4317;

    private readonly IConfiguration _configuration;
    private readonly List<string> _warnings = [];

    private readonly ExportMonitor _monitor;

    public OtlpSignal(string name, IConfiguration configuration, ExportMonitor monitor)
    {
        Name = name;
        _configuration = configuration;
        _monitor = monitor;
        Protocol = OtlpExportProtocol.HttpProtobuf;
        if (!ReadExporter())
        {
            return;
        }

        Protocol = ReadProtocol();
        Endpoint = ReadEndpoint();
        if (IsExported)
        {
            (Timeout, Compression, Headers) = (ReadTimeout(), ReadCompression(), ReadHeaders());
            CheckProxy();
        }

        if (IsExported && WhyNoExporter() is { } reason)
        {
            _warnings.Add($"the OTEL_EXPORTER_OTLP_* variables make no exporter ({reason}): no telemetry is sent to {Address}.");
            Endpoint = null;
        }
    }

    /// <summary>The signal's name in the path of OTLP over HTTP: traces, metrics or logs.</summary>
    public string Name { get; }

    /// <summary>False if there is no endpoint, or if it cannot be used.</summary>
    [MemberNotNullWhen(true, nameof(Endpoint))]
    public bool IsExported => Endpoint is not null;

    public Uri? Endpoint { get; }

    /// <summary>The endpoint as a message shows it: host and port, without credentials and query.</summary>
    public string Address => Endpoint?.Authority ?? "";

    /// <summary>Host and port of the proxy between the API and the endpoint, which the usual variables name; null if there is none.</summary>
    public string? Proxy => FeatureSwitches.HttpClientSupported && IsExported ? HttpClient.DefaultProxy.GetProxy(Endpoint)?.Authority : null;

    /// <summary>The variable that sets <see cref="Endpoint"/>.</summary>
    public string EndpointVariable => Read("ENDPOINT").Variable;

    /// <summary>Each says which setting cannot be used, why, and what to do.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    private OtlpExportProtocol Protocol { get; }

    private TimeSpan? Timeout { get; }

    private OtlpExportCompression Compression { get; }

    private IReadOnlyList<(string Name, string Value)> Headers { get; } = [];

    // The exporter loads the certificates even if the endpoint is an http address.
    private bool NamesCertificate =>
        ((string[])["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"]).Any(setting => _configuration[setting]?.Trim() is { Length: > 0 });

    public void Configure(OtlpExporterOptions options)
    {
        options.Endpoint = Endpoint!;
        options.Protocol = Protocol;
        options.Compression = Compression;
        if (Timeout is { } timeout)
        {
            options.TimeoutMilliseconds = (int)timeout.TotalMilliseconds;
        }

        // The exporter decodes the text before it splits it, and then takes an encoded comma for a separator.
        options.Headers = null;
        var makeClient = options.HttpClientFactory;
        options.HttpClientFactory = () =>
        {
            var client = new HttpClient(new MonitoredHandler(FeatureSwitches.HttpClientSupported ? new ForwardingHandler(makeClient()) : new PlainHttpHandler(), this, _monitor))
            {
                Timeout = TimeSpan.FromMilliseconds(options.TimeoutMilliseconds),
            };
            foreach (var (name, value) in Headers)
            {
                client.DefaultRequestHeaders.TryAddWithoutValidation(name, value);
            }

            return client;
        };
    }

    // An empty variable counts as not set:
    // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#parsing-empty-value
    private (string Variable, string? Value) Read(string setting)
    {
        var (own, common) = ($"OTEL_EXPORTER_OTLP_{Name.ToUpperInvariant()}_{setting}", $"OTEL_EXPORTER_OTLP_{setting}");
        return _configuration[own]?.Trim() is { Length: > 0 } value ? (own, value)
            : _configuration[common]?.Trim() is { Length: > 0 } shared ? (common, shared)
            : (common, null);
    }

    // Finds the settings at which the exporter would throw while the host starts, or fail in silence at every export.
    // It does not make an exporter to find out, because each exporter allocates a buffer of 750,000 bytes.
    private string? WhyNoExporter()
    {
        try
        {
            var options = new OtlpExporterOptions();
            Configure(options);
            using var client = options.HttpClientFactory(); // applies the time-out and loads the certificates
            return null;
        }
        catch (Exception failure)
        {
            return failure.Message;
        }
    }

    /// <summary>Whether the signal is exported at all: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#exporter-selection.</summary>
    private bool ReadExporter()
    {
        var variable = $"OTEL_{Name.ToUpperInvariant()}_EXPORTER";
        if (_configuration[variable]?.Trim() is not { Length: > 0 } value)
        {
            return true;
        }

        var exporters = value.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (exporters.Any(exporter => exporter is not ("otlp" or "none")))
        {
            _warnings.Add($"{variable} is '{Setting.Show(value)}', and the API has the exporter otlp and no other: it uses that one. Set it to otlp or none.");
        }
        else if (exporters.Length > 0 && exporters.All(exporter => exporter == "none"))
        {
            return false;
        }
        else if (exporters.Contains("none"))
        {
            _warnings.Add($"{variable} is '{Setting.Show(value)}', which is none and another: the API uses otlp. Set it to otlp or none.");
        }

        if (Read("ENDPOINT").Value is null)
        {
            _warnings.Add($"{variable} is '{Setting.Show(value)}', and no endpoint is set: no {Name} are sent. Set OTEL_EXPORTER_OTLP_ENDPOINT to an address such as http://collector:4318.");
        }

        return true;
    }

    private TimeSpan? ReadTimeout()
    {
        var (variable, value) = Read("TIMEOUT");
        if (value is null)
        {
            return null;
        }

        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
        {
            _warnings.Add($"{variable} is '{Setting.Show(value)}', which is no number of milliseconds: 10,000 holds. Set it to a number such as 10000.");
            return null;
        }

        // 0 is no limit: https://opentelemetry.io/docs/specs/otel/configuration/common/#timeout
        return TimeSpan.FromMilliseconds(milliseconds == 0 ? int.MaxValue : milliseconds);
    }

    private OtlpExportCompression ReadCompression()
    {
        var (variable, value) = Read("COMPRESSION");
        if (value?.ToUpperInvariant() is not (null or "NONE" or "GZIP"))
        {
            _warnings.Add($"{variable} is '{Setting.Show(value)}', which the exporter does not have: it sends uncompressed. Set it to gzip or none.");
        }

        return value?.ToUpperInvariant() == "GZIP" ? OtlpExportCompression.GZip : OtlpExportCompression.None;
    }

    /// <summary>Reads <c>name=value,name=value</c>. A value is percent-encoded: https://www.w3.org/TR/baggage/#header-content.</summary>
    private List<(string Name, string Value)> ReadHeaders()
    {
        List<(string Name, string Value)> headers = [];
        var (variable, text) = Read("HEADERS");
        using var request = new HttpRequestMessage();
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase) { "User-Agent", "Connection", "Transfer-Encoding" }; // which the exporter and its client set
        foreach (var pair in text?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            if (pair.Split('=', 2, StringSplitOptions.TrimEntries).Select(Uri.UnescapeDataString).ToArray() is [var name, var value]
                && names.Add(name)
                && value.All(c => c is >= ' ' and <= '~') // a line end in it would begin another header, and other letters have no encoding
                && request.Headers.TryAddWithoutValidation(name, value))
            {
                headers.Add((name, value));
            }
            else
            {
                // Without the values, because they are secrets.
                _warnings.Add($"{variable} is not of the form name=value,name=value with different names, none of them a header of HTTP's own: parts of another form are ignored. Correct it.");
                break;
            }
        }

        return headers;
    }

    /// <summary>Says that the native binary sends past a proxy. .NET's client, which the other build has, uses it.</summary>
    private void CheckProxy()
    {
        if (FeatureSwitches.HttpClientSupported)
        {
            return;
        }

        string[] variables = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        var excepted = (Environment.GetEnvironmentVariable("no_proxy") ?? Environment.GetEnvironmentVariable("NO_PROXY") ?? "")
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (variables.FirstOrDefault(variable => Environment.GetEnvironmentVariable(variable) is { Length: > 0 }) is { } proxy
            && !excepted.Any(host => host == "*" || Endpoint!.Host.Equals(host, StringComparison.OrdinalIgnoreCase)
                || (host.TrimStart('*') is ['.', ..] domain && Endpoint.Host.EndsWith(domain, StringComparison.OrdinalIgnoreCase))))
        {
            _warnings.Add($"{proxy} is set, and this static binary has no support for proxies: telemetry goes straight to {Address}. Set NO_PROXY to {Endpoint!.Host} if that is right, or export to a receiver that needs no proxy.");
        }
    }

    private OtlpExportProtocol ReadProtocol()
    {
        var (variable, value) = Read("PROTOCOL");
        switch (value?.ToLowerInvariant())
        {
            // The specification recommends this default; the exporter package's default is gRPC.
            // https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specify-protocol
            case null or "http/protobuf":
                return OtlpExportProtocol.HttpProtobuf;
            case "grpc":
                return OtlpExportProtocol.Grpc;
            default:
                _warnings.Add($"{variable} is '{Setting.Show(value!)}', which this exporter does not speak: it sends http/protobuf. Set it to http/protobuf{(FeatureSwitches.HttpClientSupported ? " or grpc" : "")}.");
                return OtlpExportProtocol.HttpProtobuf;
        }
    }

    private Uri? ReadEndpoint()
    {
        var (variable, value) = Read("ENDPOINT");
        if (value is null)
        {
            return null;
        }

        var shown = Setting.Show(value);
        if (!Uri.TryCreate(value, UriKind.Absolute, out var endpoint)
            || (endpoint.Scheme != Uri.UriSchemeHttp && endpoint.Scheme != Uri.UriSchemeHttps))
        {
            _warnings.Add($"{variable} is '{shown}', which is no http or https address: no telemetry is sent there. Set it to one such as http://collector:4318.");
            return null;
        }

        if (!FeatureSwitches.HttpClientSupported && Protocol == OtlpExportProtocol.Grpc)
        {
            var protocol = Read("PROTOCOL").Variable;
            _warnings.Add($"{protocol} is 'grpc', which this static binary does not speak: no telemetry is sent to {shown}. Set it to http/protobuf, and {variable} to the receiver's address for that, such as http://collector:4318.");
            return null;
        }

        if (!FeatureSwitches.HttpClientSupported && (endpoint.Scheme == Uri.UriSchemeHttps || NamesCertificate))
        {
            _warnings.Add($"{variable} is '{shown}'{(NamesCertificate ? " with a certificate" : "")}, and this static binary has no TLS library: no telemetry is sent there. Use an http address and no certificate.");
            return null;
        }

        if (Read("PROTOCOL").Value is null && endpoint.Port == GrpcPort)
        {
            _warnings.Add($"{variable} is '{shown}', whose port is that of gRPC, and no protocol is set: http/protobuf is sent there. Set OTEL_EXPORTER_OTLP_PROTOCOL, or an address such as http://collector:4318.");
        }

        if (endpoint.UserInfo.Length > 0)
        {
            _warnings.Add($"{variable} is '{shown}', and its user name and password are not sent. Send them in OTEL_EXPORTER_OTLP_HEADERS.");
        }

        // OTLP over HTTP adds a path to the common address, and takes a signal's own address as it is.
        var address = new UriBuilder(endpoint) { UserName = "", Password = "" };
        if (Protocol == OtlpExportProtocol.HttpProtobuf && variable == "OTEL_EXPORTER_OTLP_ENDPOINT")
        {
            address.Path = $"{address.Path.TrimEnd('/')}/v1/{Name}";
        }

        return address.Uri;
    }
}
