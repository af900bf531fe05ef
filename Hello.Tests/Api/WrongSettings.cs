namespace Hello.Tests;

/// <summary>Settings that people use and that cannot work, with what the API must say of each.</summary>
public static class WrongSettings
{
    /// <summary>Settings with which no build can start. The line of the error begins with the second text and contains the third.</summary>
    public static readonly (string Setting, string Begin, string Reason)[] EndTheStart =
    [
        ("ASPNETCORE_URLS=http://10.9.8.7:8080", "ASPNETCORE_URLS is 'http://10.9.8.7:8080'", "no such address"),
        ("ASPNETCORE_URLS=http://[2001:db8::1]:8080", "ASPNETCORE_URLS is 'http://[2001:db8::1]:8080'", "http://+:8080"),
        ("URLS=http://10.9.8.7:8080", "URLS is 'http://10.9.8.7:8080'", "no such address"),
        ("DOTNET_URLS=8080", "DOTNET_URLS is '8080'", "no address"),
        ("ASPNETCORE_URLS=ftp://+:8080", "ASPNETCORE_URLS is 'ftp://+:8080'", "http or https"),
        ("ASPNETCORE_URLS=http://+:8080/api", "ASPNETCORE_URLS is 'http://+:8080/api'", "a host and a port"),
        ("ASPNETCORE_URLS=http://me:s3cret@+:8080", "ASPNETCORE_URLS is 'http://***@+:8080'", "a host and a port"),
        ("ASPNETCORE_URLS=http://+:99999", "ASPNETCORE_URLS is 'http://+:99999'", "65535"),
        ("ASPNETCORE_URLS=http://+:http", "ASPNETCORE_URLS is 'http://+:http'", "65535"),
        ("ASPNETCORE_URLS=http://+:8080,http://+:8081", "ASPNETCORE_URLS is 'http://+:8080,http://+:8081'", "such as http://+:8080."),
        ("ASPNETCORE_URLS=http://localhost:0", "ASPNETCORE_URLS is 'http://localhost:0'", "http://127.0.0.1:0"),
        ("ASPNETCORE_URLS=http://pipe:/hello", "ASPNETCORE_URLS is 'http://pipe:/hello'", "Windows"),
        ("ASPNETCORE_HTTP_PORTS=99999", "ASPNETCORE_HTTP_PORTS is '99999'", "0 to 65535"),
        ("ASPNETCORE_HTTP_PORTS=abc", "ASPNETCORE_HTTP_PORTS is 'abc'", "0 to 65535"),
        ("ASPNETCORE_HTTP_PORTS=-1", "ASPNETCORE_HTTP_PORTS is '-1'", "0 to 65535"),
        ("ASPNETCORE_HTTP_PORTS=8080,8081", "ASPNETCORE_HTTP_PORTS is '8080,8081'", "semicolons"),
        ("HTTP_PORTS=80a", "HTTP_PORTS is '80a'", "0 to 65535"),
        ("ASPNETCORE_HTTPS_PORTS=x", "ASPNETCORE_HTTPS_PORTS is 'x'", "0 to 65535"),
        ("ASPNETCORE_HTTPS_PORTS=8443", "ASPNETCORE_HTTPS_PORTS is '8443'", ""),
        ("ASPNETCORE_URLS=https://+:8443", "ASPNETCORE_URLS is 'https://+:8443'", ""),
        ("Kestrel__Endpoints__Web__Url=https://+:8443", "Kestrel__Endpoints__Web__Url is 'https://+:8443'", ""),
        ("Kestrel__Endpoints__Web__Url=http://10.9.8.7:80", "Kestrel__Endpoints__Web__Url is 'http://10.9.8.7:80'", "no such address"),
        ("Kestrel__Endpoints__Web__Protocols=Http1", "Kestrel__Endpoints__Web__Url is not set", "http://+:8080"),
        ("Kestrel__Endpoints__Web=http://+:8080", "Kestrel__Endpoints__Web__Url is not set", "http://+:8080"),
        ("ASPNETCORE_CONTENTROOT=/nowhere", "ASPNETCORE_CONTENTROOT is '/nowhere'", "no folder"),
    ];

    /// <summary>Settings that bring one warning, which contains the text.</summary>
    public static readonly (string Setting, string Warning)[] AreWarnings =
    [
        ("Logging__LogLevel__Default=Verbose", "Logging__LogLevel__Default is 'Verbose', which is no level: it counts as Information."),
        ("Logging__Console__LogLevel__Hello=warn", "Logging__Console__LogLevel__Hello is 'warn', which is no level"),
        ("Logging__LogLevel__Default=7", "Logging__LogLevel__Default is '7', which is no level"),
        ("Logging__Console__FormatterName=json", "Logging__Console__FormatterName is set and is ignored"),
        ("Logging__EventLog__LogLevel__Default=Error", "Logging__EventLog__LogLevel__Default is set and is ignored"),
        ("Logging__Seq__ApiKey=s3cret", "Logging__Seq__ApiKey is set and is ignored"),
        ("Logging__LogLevel=Debug", "Logging__LogLevel is set and is ignored"),
        ("AllowedHosts=example.com", "AllowedHosts is 'example.com' and is ignored"),
        ("ASPNETCORE_FORWARDEDHEADERS_ENABLED=true", "ASPNETCORE_FORWARDEDHEADERS_ENABLED is 'true' and is ignored"),
        ("ASPNETCORE_HOSTINGSTARTUPASSEMBLIES=A", "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES is 'A' and is ignored"),
        ("ASPNETCORE_WEBROOT=/www", "ASPNETCORE_WEBROOT is '/www' and is ignored"),
        ("ASPNETCORE_SUPPRESSSTATUSMESSAGES=true", "ASPNETCORE_SUPPRESSSTATUSMESSAGES is 'true' and is ignored"),
        ("ASPNETCORE_PREFERHOSTINGURLS=maybe", "ASPNETCORE_PREFERHOSTINGURLS is 'maybe', which counts as false"),
        ("ASPNETCORE_URL=http://me:s3cret@+:8080", "ASPNETCORE_URL is set and is ignored"),
        ("ASPNETCORE_SHUTDOWNTIMEOUTSECONDS=2147483647", "ASPNETCORE_SHUTDOWNTIMEOUTSECONDS is '2147483647', which is no number of seconds"),
        ("ASPNETCORE_SHUTDOWNTIMEOUTSECONDS=5s", "ASPNETCORE_SHUTDOWNTIMEOUTSECONDS is '5s', which is no number of seconds"),
        ("Kestrel__Limits__KeepAliveTimeout=soon", "Kestrel__Limits__KeepAliveTimeout is 'soon', which is no value for this limit"),
        ("Kestrel__Limits__KeepAliveTimeout=130", "Kestrel__Limits__KeepAliveTimeout is '130', which is no value for this limit"),
        ("Kestrel__Limits__MaxRequestBufferSize=1", "Kestrel__Limits__MaxRequestBufferSize is '1', less than"),
        ("Kestrel__Limits__MinResponseDataRate=240", "Kestrel__Limits__MinResponseDataRate is set and is ignored"),
        ("Kestrel__EndpointDefaults__Protocols=Http3", "Kestrel__EndpointDefaults__Protocols is 'Http3', which cannot be used"),
        ("Kestrel__Limits__MaxRequestLineSize=-1", "Kestrel__Limits__MaxRequestLineSize is '-1', which is no value for this limit"),
        ("Kestrel__Limits__Http2__MaxStreamsPerConnection=9", "Kestrel__Limits__Http2__MaxStreamsPerConnection is set and is ignored"),
        ("Kestrel__AddServerHeader=true", "Kestrel__AddServerHeader is set and is ignored"),
        ("Kestrel__Certificates__Mine__Password=s3cret", "Kestrel__Certificates__Mine__Password is set and is ignored"),

        ("OTEL_SDK_DISABLED=yes", "OTEL_SDK_DISABLED is 'yes', which cannot be used"),
        ("OTEL_TRACES_SAMPLER=xray", "OTEL_TRACES_SAMPLER is 'xray', which cannot be used"),
        ("OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_TRACES_SAMPLER_ARG is '0.5' and is ignored"),
        ("OTEL_BSP_MAX_QUEUE_SIZE=0", "OTEL_BSP_MAX_QUEUE_SIZE is '0', which cannot be used"),
        ("OTEL_BSP_MAX_QUEUE_SIZE=2147483647", "OTEL_BSP_MAX_QUEUE_SIZE is '2147483647', which cannot be used"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=100000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE is '100000', more than the queue holds"),
        ("OTEL_BLRP_SCHEDULE_DELAY=5s", "OTEL_BLRP_SCHEDULE_DELAY is '5s', which cannot be used"),
        ("OTEL_METRIC_EXPORT_INTERVAL=-1", "OTEL_METRIC_EXPORT_INTERVAL is '-1', which cannot be used"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=many", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT is 'many', which cannot be used"),
        ("OTEL_METRICS_EXEMPLAR_FILTER=some", "OTEL_METRICS_EXEMPLAR_FILTER is 'some', which cannot be used"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=lowmemory", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is 'lowmemory', which cannot be used"),
        ("OTEL_PROPAGATORS=b3", "OTEL_PROPAGATORS is 'b3'"),
        ("OTEL_RESOURCE_ATTRIBUTES=production", "OTEL_RESOURCE_ATTRIBUTES is not of the form name=value,name=value"),
        ("OTEL_LOG_LEVEL=debug", "OTEL_LOG_LEVEL is ignored, because nothing here reads it"),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://me:s3cret@zipkin:9411", "OTEL_EXPORTER_ZIPKIN_ENDPOINT is ignored"),
        ("OTEL_DOTNET_AUTO_HOME=/otel", "OTEL_DOTNET_AUTO_HOME is ignored, because nothing here reads it"),
        ("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY=disk", "OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY is 'disk', which cannot be used"),
        ("OTEL_TRACES_EXPORTER=console", "OTEL_TRACES_EXPORTER is 'console', and the API has the exporter otlp and no other"),
        ("OTEL_METRICS_EXPORTER=prometheus,otlp", "OTEL_METRICS_EXPORTER is 'prometheus,otlp', and the API has the exporter otlp and no other"),
        ("OTEL_TRACES_EXPORTER=none,otlp", "OTEL_TRACES_EXPORTER is 'none,otlp', which is none and another"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT=10s", "OTEL_EXPORTER_OTLP_TIMEOUT is '10s', which is no number of milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT=-5", "OTEL_EXPORTER_OTLP_TIMEOUT is '-5', which is no number of milliseconds"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT=99999999999", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT is '99999999999', which is no number of milliseconds"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION=zstd", "OTEL_EXPORTER_OTLP_COMPRESSION is 'zstd', which the exporter does not have"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json', which this exporter does not speak"),
        ("OTEL_EXPORTER_OTLP_HEADERS=secret", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS=a=1,A=2", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS=no name=1", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS=x=a%0d%0ab: c", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS=x=%C3%A4", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_HEADERS=transfer-encoding=s3cret", "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value with different names"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY=/key", "OTEL_EXPORTER_OTLP_CLIENT_KEY is ignored"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT=collector", "OTEL_EXPORTER_OTLP_ENDPOINT is 'collector', which is no http or https address"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT=tcp://me:s3cret@collector", "OTEL_EXPORTER_OTLP_ENDPOINT is 'tcp://***@collector', which is no http or https address"),
    ];

    /// <summary>The settings in as few groups as possible. One API can have all settings of a group, because it warns of each. Without an endpoint, an exporter reads no other setting.</summary>
    public static IEnumerable<(string Setting, string Warning)[]> Groups => AreWarnings
        .GroupBy(s => s.Setting.Split('=')[0])
        .SelectMany(variable => variable.Select((one, i) => (one, group: variable.Key == "OTEL_EXPORTER_OTLP_ENDPOINT" ? -1 - i : i)))
        .GroupBy(s => s.group, s => s.one)
        .Select(group => group.ToArray());

    /// <summary>Asserts that a log has one warning for each setting, and no other.</summary>
    /// <param name="log">Its lines.</param>
    public static void AssertWarnings((string Setting, string Warning)[] group, IEnumerable<string> log)
    {
        ArgumentNullException.ThrowIfNull(group);
        var warnings = log.Where(line => line.StartsWith("warn: ", StringComparison.Ordinal) && !line.Contains("telemetry is lost until", StringComparison.Ordinal)).ToArray();
        Assert.All(group, s => Assert.Single(warnings, line => line.Contains(s.Warning, StringComparison.Ordinal)));
        Assert.True(warnings.Length == group.Length, $"There are {warnings.Length} warnings for {group.Length} settings:\n{string.Join('\n', warnings)}");
        Assert.DoesNotContain(warnings, line => line.Contains("s3cret", StringComparison.Ordinal));
    }

    /// <summary>Asserts that a start has failed with one line.</summary>
    public static void AssertOneErrorLine(string begin, string reason, int exitCode, string output, string error)
    {
        ArgumentNullException.ThrowIfNull(error);
        Assert.True(exitCode == 1 && output.Length == 0, $"It ended with {exitCode}: {output}\n{error}");
        Assert.StartsWith($"error: {begin}", error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
        Assert.DoesNotContain("s3cret", error, StringComparison.Ordinal);
    }
}
