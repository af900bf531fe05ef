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

    public OtlpSignal(string name, IConfiguration configuration)
    {
        Name = name;
        _configuration = configuration;

        Protocol = ReadProtocol();
        Endpoint = ReadEndpoint();
        if (IsExported && WhyNoExporter() is { } reason)
        {
            _warnings.Add($"the OTEL_EXPORTER_OTLP_* variables make no exporter ({reason}): no telemetry is sent to {Endpoint.Authority}.");
            Endpoint = null;
        }
    }

    /// <summary>The signal's name in the path of OTLP over HTTP: traces, metrics or logs.</summary>
    public string Name { get; }

    /// <summary>False if there is no endpoint, or if it cannot be used.</summary>
    [MemberNotNullWhen(true, nameof(Endpoint))]
    public bool IsExported => Endpoint is not null;

    public Uri? Endpoint { get; }

    /// <summary>The variable that sets <see cref="Endpoint"/>.</summary>
    public string EndpointVariable => Read("ENDPOINT").Variable;

    /// <summary>Each says which setting cannot be used, why, and what to do.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    private OtlpExportProtocol Protocol { get; }

    // False in the native binary, which has no HttpClientHandler and therefore no TLS and no gRPC; see Hello.Api.csproj.
    [FeatureSwitchDefinition("Hello.ServiceDefaults.HttpClientSupported")]
    private static bool HttpClientSupported =>
        !AppContext.TryGetSwitch("Hello.ServiceDefaults.HttpClientSupported", out var supported) || supported;

    // The exporter loads the certificates even if the endpoint is an http address.
    private bool NamesCertificate =>
        Read("CERTIFICATE").Value is not null || Read("CLIENT_CERTIFICATE").Value is not null;

    public void Configure(OtlpExporterOptions options)
    {
        options.Endpoint = Endpoint!;
        options.Protocol = Protocol;
        options.Headers = Read("HEADERS").Value;
        if (!HttpClientSupported)
        {
            options.HttpClientFactory = () => new(new PlainHttpHandler()) { Timeout = TimeSpan.FromMilliseconds(options.TimeoutMilliseconds) };
        }

        options.Compression = Read("COMPRESSION").Value == "gzip" ? OtlpExportCompression.GZip : OtlpExportCompression.None;
        if (int.TryParse(Read("TIMEOUT").Value, CultureInfo.InvariantCulture, out var milliseconds))
        {
            options.TimeoutMilliseconds = milliseconds;
        }
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
        if (Read("HEADERS") is (var variable, { } headers) && !AreHeaders(headers))
        {
            return $"{variable} is not of the form name=value,name=value with different names"; // does not show the values, because they are secrets
        }

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

    private static bool AreHeaders(string text)
    {
        using var request = new HttpRequestMessage();
        HashSet<string> names = ["User-Agent"]; // which the exporter sets itself
        return Uri.UnescapeDataString(text).Split(',').Select(pair => pair.Split('=', 2)).All(pair =>
            pair is [var name, var value] && names.Add(name.Trim()) && request.Headers.TryAddWithoutValidation(name.Trim(), value.Trim()));
    }

    private OtlpExportProtocol ReadProtocol()
    {
        switch (Read("PROTOCOL"))
        {
            // The specification recommends this default; the exporter package's default is gRPC.
            // https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specify-protocol
            case (_, null or "http/protobuf"):
                return OtlpExportProtocol.HttpProtobuf;
            case (_, "grpc"):
                return OtlpExportProtocol.Grpc;
            case var (variable, value):
                _warnings.Add($"{variable} is '{value}', which this exporter does not speak: it sends http/protobuf. Set it to http/protobuf{(HttpClientSupported ? " or grpc" : "")}.");
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

        if (!Uri.TryCreate(value, UriKind.Absolute, out var endpoint)
            || (endpoint.Scheme != Uri.UriSchemeHttp && endpoint.Scheme != Uri.UriSchemeHttps))
        {
            _warnings.Add($"{variable} is '{value}', which is no http or https address: no telemetry is sent there. Set it to one such as http://collector:4318.");
            return null;
        }

        if (!HttpClientSupported && Protocol == OtlpExportProtocol.Grpc)
        {
            var protocol = Read("PROTOCOL").Variable;
            _warnings.Add($"{protocol} is 'grpc', which this static binary does not speak: no telemetry is sent to {value}. Set it to http/protobuf, and {variable} to the receiver's address for that, such as http://collector:4318.");
            return null;
        }

        if (!HttpClientSupported && (endpoint.Scheme == Uri.UriSchemeHttps || NamesCertificate))
        {
            _warnings.Add($"{variable} is '{value}'{(NamesCertificate ? " with a certificate" : "")}, and this static binary has no TLS library: no telemetry is sent there. Use an http address and no certificate.");
            return null;
        }

        if (Read("PROTOCOL").Value is null && endpoint.Port == GrpcPort)
        {
            _warnings.Add($"{variable} is '{value}', whose port is that of gRPC, and no protocol is set: http/protobuf is sent there. Set OTEL_EXPORTER_OTLP_PROTOCOL, or an address such as http://collector:4318.");
        }

        // OTLP over HTTP adds a path to the common address, and takes a signal's own address as it is.
        return Protocol == OtlpExportProtocol.HttpProtobuf && variable == "OTEL_EXPORTER_OTLP_ENDPOINT"
            ? new Uri($"{value.TrimEnd('/')}/v1/{Name}")
            : endpoint;
    }
}
