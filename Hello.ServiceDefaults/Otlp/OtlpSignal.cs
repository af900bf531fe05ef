using OpenTelemetry.Exporter;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>Where one signal is exported to: https://opentelemetry.io/docs/specs/otel/protocol/exporter/.</summary>
/// <remarks>OTEL_EXPORTER_OTLP_{signal}_* wins over OTEL_EXPORTER_OTLP_*, which the exporter's package reads for all three signals or none.</remarks>
internal sealed class OtlpSignal
{
    private readonly IConfiguration _configuration;

    /// <param name="name">The signal's name in the path of OTLP over HTTP: traces, metrics or logs.</param>
    public OtlpSignal(string name, IConfiguration configuration)
    {
        (Name, _configuration) = (name, configuration);

        // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#exporter-selection
        if (configuration[$"OTEL_{name.ToUpperInvariant()}_EXPORTER"]?.Contains("otlp", StringComparison.OrdinalIgnoreCase) is not false)
        {
            Endpoint = ReadEndpoint();
        }
    }

    public string Name { get; }

    /// <summary>Null if there is none, or if it cannot be used.</summary>
    public Uri? Endpoint { get; }

    /// <summary>One line about a setting that has no effect here, with the remedy; null if there is none.</summary>
    public string? Warning { get; private set; }

    /// <summary>The endpoint as a message shows it: host and port, without credentials and query.</summary>
    public string Address => Endpoint?.Authority ?? "";

    /// <summary>The variable that sets <see cref="Endpoint"/>.</summary>
    public string EndpointVariable => Read("ENDPOINT").Variable;

    /// <summary>Host and port of the proxy that the usual variables name for the endpoint; null if there is none.</summary>
    public string? Proxy { get; private set; }

    /// <summary>Receives how each export ended: null, or what the endpoint did instead of taking it.</summary>
    public Action<OtlpSignal, string?>? Report { get; set; }

    private bool IsGrpc => Read("PROTOCOL").Value?.Equals("grpc", StringComparison.OrdinalIgnoreCase) is true;

    public void Configure(OtlpExporterOptions options)
    {
        // OTLP over HTTP takes a signal's own address as it is. To the common one, the package adds a path.
        if (EndpointVariable.Contains(Name, StringComparison.OrdinalIgnoreCase))
        {
            options.Endpoint = Endpoint!;
        }

        // The specification recommends http/protobuf. The package's default is gRPC.
        // https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specify-protocol
        options.Protocol = IsGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        var isGzip = Read("COMPRESSION").Value?.Equals("gzip", StringComparison.OrdinalIgnoreCase) is true;
        options.Compression = isGzip ? OtlpExportCompression.GZip : OtlpExportCompression.None;
        if (int.TryParse(Read("TIMEOUT").Value, CultureInfo.InvariantCulture, out var milliseconds))
        {
            // 0 is no limit: https://opentelemetry.io/docs/specs/otel/configuration/common/#timeout
            options.TimeoutMilliseconds = milliseconds > 0 ? milliseconds : int.MaxValue;
        }

        options.Headers = null; // see AddHeaders
        var makeClient = options.HttpClientFactory;
        options.HttpClientFactory = () =>
        {
            var inner = HttpSupport.IsFull ? makeClient() : new HttpMessageInvoker(new PlainHttpHandler());
            var client = new HttpClient(new MonitoredHandler(inner, this)) { Timeout = TimeSpan.FromMilliseconds(options.TimeoutMilliseconds) };
            AddHeaders(client);
            return client;
        };
    }

    /// <summary>
    /// Adds <c>name=value,name=value</c>, whose values are percent-encoded: https://www.w3.org/TR/baggage/#header-content.
    /// The package decodes the text before it splits it, and then takes an encoded comma for a separator.
    /// </summary>
    private void AddHeaders(HttpClient client)
    {
        var (variable, headers) = Read("HEADERS");
        foreach (var header in headers?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            if (header.Split('=', 2, StringSplitOptions.TrimEntries).Select(Uri.UnescapeDataString).ToArray() is not [var name, var value]
                || value.Any(char.IsControl) // a line end in it would begin another header
                || !client.DefaultRequestHeaders.TryAddWithoutValidation(name, value))
            {
                throw new FormatException($"{variable} is not of the form name=value,name=value with names of HTTP headers"); // the values are secrets
            }
        }
    }

    private (string Variable, string? Value) Read(string setting)
    {
        var (own, common) = ($"OTEL_EXPORTER_OTLP_{Name.ToUpperInvariant()}_{setting}", $"OTEL_EXPORTER_OTLP_{setting}");
        return _configuration[own] is { Length: > 0 } value ? (own, value) : (common, _configuration[common]);
    }

    private Uri? ReadEndpoint()
    {
        if (Read("ENDPOINT") is not (var variable, { Length: > 0 } value))
        {
            return null;
        }

        var shown = ShownAddress.Of(value);
        var isHttps = Uri.TryCreate(value, UriKind.Absolute, out var endpoint) && endpoint.Scheme == Uri.UriSchemeHttps;
        Warning = !isHttps && endpoint?.Scheme != Uri.UriSchemeHttp
                ? $"{variable} is '{shown}', which is no http or https address: no telemetry is sent there. Set it to one such as http://collector:4318."
            : HttpSupport.IsFull ? null
            : IsGrpc
                ? $"{Read("PROTOCOL").Variable} is 'grpc', which this static binary does not speak: no telemetry is sent to {shown}. "
                    + $"Set it to http/protobuf, and {variable} to the receiver's address for that, such as http://collector:4318."
            : isHttps ? $"{variable} is '{shown}', and this static binary has no TLS library: no telemetry is sent there. Use an http address."
            : null;
        if (Warning is not null)
        {
            return null;
        }

        var proxy = HttpClient.DefaultProxy;
        Proxy = proxy.IsBypassed(endpoint!) ? null : proxy.GetProxy(endpoint!)?.Authority;
        if (Proxy is not null && !HttpSupport.IsFull)
        {
            string[] variables = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
            Warning = variables.First(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 })
                + $" is set, and this static binary has no support for proxies: telemetry goes straight to {endpoint!.Authority}. "
                + $"Set NO_PROXY to {endpoint.Host} if that is right, or export to a receiver that needs no proxy.";
        }

        return endpoint;
    }
}
