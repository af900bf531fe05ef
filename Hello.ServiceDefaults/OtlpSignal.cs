using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using OpenTelemetry.Exporter;

namespace Hello.ServiceDefaults;

/// <summary>
/// Where one signal goes, by <c>OTEL_EXPORTER_OTLP_*</c> and, before it, <c>OTEL_EXPORTER_OTLP_{signal}_*</c>.
/// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
/// </summary>
/// <remarks>
/// The exporter package reads them too, but there it is all three signals or none, and it says nothing about a value
/// that it cannot use, or throws.
/// </remarks>
internal sealed class OtlpSignal
{
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

    /// <summary>As in the path of OTLP over HTTP: traces, metrics or logs.</summary>
    public string Name { get; }

    /// <summary>False without an endpoint, or with one that cannot be used.</summary>
    [MemberNotNullWhen(true, nameof(Endpoint))]
    public bool IsExported => Endpoint is not null;

    public Uri? Endpoint { get; }

    /// <summary>The variable that <see cref="Endpoint"/> comes from.</summary>
    public string EndpointVariable => Read("ENDPOINT").Variable;

    /// <summary>What of the configuration cannot be used, why, and what to do.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    private OtlpExportProtocol Protocol { get; }

    // The published binary of a scratch image has no OpenSSL and cannot load one; see Hello.Api.csproj.
    [FeatureSwitchDefinition("Hello.ServiceDefaults.TlsSupported")]
    private static bool TlsSupported =>
        !AppContext.TryGetSwitch("Hello.ServiceDefaults.TlsSupported", out var supported) || supported;

    // The exporter loads them whatever the scheme of the endpoint.
    private bool NamesCertificate =>
        Read("CERTIFICATE").Value is not null || Read("CLIENT_CERTIFICATE").Value is not null;

    public void Configure(OtlpExporterOptions options)
    {
        options.Endpoint = Endpoint!;
        options.Protocol = Protocol;
        options.Headers = Read("HEADERS").Value;
        options.Compression = Read("COMPRESSION").Value == "gzip" ? OtlpExportCompression.GZip : OtlpExportCompression.None;
        if (int.TryParse(Read("TIMEOUT").Value, CultureInfo.InvariantCulture, out var milliseconds))
        {
            options.TimeoutMilliseconds = milliseconds;
        }
    }

    // An empty variable is one that is not set:
    // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#parsing-empty-value
    private (string Variable, string? Value) Read(string setting)
    {
        var (own, common) = ($"OTEL_EXPORTER_OTLP_{Name.ToUpperInvariant()}_{setting}", $"OTEL_EXPORTER_OTLP_{setting}");
        return _configuration[own]?.Trim() is { Length: > 0 } value ? (own, value)
            : _configuration[common]?.Trim() is { Length: > 0 } shared ? (common, shared)
            : (common, null);
    }

    // Malformed headers, a negative timeout or a missing certificate file throw, and while the host starts is too late.
    private string? WhyNoExporter()
    {
        try
        {
            var options = new OtlpExporterOptions();
            Configure(options);
            using var exporter = new OtlpTraceExporter(options);
            return null;
        }
        catch (Exception failure)
        {
            return failure.Message;
        }
    }

    private OtlpExportProtocol ReadProtocol()
    {
        switch (Read("PROTOCOL"))
        {
            case (_, "http/protobuf"):
                return OtlpExportProtocol.HttpProtobuf;
            case (_, null or "grpc"):
                return OtlpExportProtocol.Grpc;
            case var (variable, value):
                _warnings.Add($"{variable} is '{value}', which this exporter does not speak: it sends grpc. Set it to grpc or http/protobuf.");
                return OtlpExportProtocol.Grpc;
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
            _warnings.Add($"{variable} is '{value}', which is no http or https address: no telemetry is sent there. Set it to one such as http://collector:4317.");
            return null;
        }

        if (!TlsSupported && (endpoint.Scheme == Uri.UriSchemeHttps || NamesCertificate))
        {
            _warnings.Add($"{variable} is '{value}'{(NamesCertificate ? " with a certificate" : "")}, and this static binary has no TLS library: no telemetry is sent there. Use an http address and no certificate.");
            return null;
        }

        // The common address is a base to which OTLP over HTTP adds a path; a signal's own address is taken as it is.
        return Protocol == OtlpExportProtocol.HttpProtobuf && variable == "OTEL_EXPORTER_OTLP_ENDPOINT"
            ? new Uri($"{value.TrimEnd('/')}/v1/{Name}")
            : endpoint;
    }
}
