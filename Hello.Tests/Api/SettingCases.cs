namespace Hello.Tests;

/// <summary>What the API says of settings. Settings have a space between them. Arguments are empty or begin with a dash.</summary>
internal static class SettingCases
{
    /// <summary>A part of the warning that no receiver takes the telemetry.</summary>
    public const string Lost = "telemetry is lost until";

    private const string Otlp = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9";
    private const string Kestrel = "Kestrel__Limits__";
    private const string Certificate = "Kestrel__Certificates__Default__";
    private const string Protocols = "Kestrel__EndpointDefaults__Protocols";
    private const string NoAddress = "no address to listen on";
    private const string NoHeaders = "not of the form name=value,name=value";
    private const string NoReceiver = "which is no http or https address";
    private const string NoTls = "this static binary has no TLS library";
    private const string Http1 = "this static binary speaks HTTP/1.1 only";
    private const string NeedsCertificate = "https needs a certificate";

    /// <summary>Settings with which no build can start. The error begins with the second text, and its reason contains the third.</summary>
    public static readonly (string Settings, string Begin, string Reason)[] EndEveryStart =
    [
        ("DOTNET_URLS=http://10.9.8.7:8080", "DOTNET_URLS is 'http://10.9.8.7:8080'", "no such address"),
        ("Kestrel__Endpoints__Web__Url=http://10.9.8.7:80", "Kestrel__Endpoints__Web__Url is 'http://10.9.8.7:80'", "no such address"),
        (" --urls=http://10.9.8.7:8080", "urls is 'http://10.9.8.7:8080'", "no such address"), // behind an empty argument
        ("URLS=8080", "URLS is '8080'", NoAddress),
        ("ASPNETCORE_URLS=http://me:s3cret@+:8080", "ASPNETCORE_URLS is 'http://***@+:8080'", NoAddress),
        ("ASPNETCORE_URLS=http://+:8080;http://+:8081/?key=s3cret", "ASPNETCORE_URLS is 'http://+:8080;http://+:8081/?***'", NoAddress),
        ("ASPNETCORE_URLS=http://localhost:0", "ASPNETCORE_URLS is 'http://localhost:0'", "127.0.0.1:0"),
        ("ASPNETCORE_URLS=http://pipe:/hello", "ASPNETCORE_URLS is 'http://pipe:/hello'", "Windows"),
        ("ASPNETCORE_URLS=http://unix:/nope/x.sock", "ASPNETCORE_URLS is 'http://unix:/nope/x.sock'", "no folder /nope"),
        ("HTTP_PORTS=80a", "HTTP_PORTS is '80a'", "0 to 65535"),
        ("ASPNETCORE_HTTP_PORTS=8080,8081", "ASPNETCORE_HTTP_PORTS is '8080,8081'", "semicolons"),
        ("Kestrel__Endpoints__Web__Protocols=Http1", "Kestrel__Endpoints__Web__Url is not set", NoAddress),
        ("ASPNETCORE_CONTENTROOT=/nowhere", "ASPNETCORE_CONTENTROOT is '/nowhere'", "no folder"),
        ("-p=s3cret", "The command line cannot be read", "'-p'"),

        ("Logging__LogLevel__Default=Verbose", "Logging__LogLevel__Default is 'Verbose'", "not supported"),
        ($"{Kestrel}KeepAliveTimeout=soon", $"{Kestrel}KeepAliveTimeout is 'soon'", "TimeSpan"),
        ("--Kestrel:Limits:KeepAliveTimeout=soon", $"{Kestrel}KeepAliveTimeout is 'soon'", "TimeSpan"),
        ($"{Kestrel}MaxRequestBufferSize=1", $"{Kestrel}MaxRequestBufferSize is '1'", "8192"),
        ($"{Kestrel}MinRequestBodyDataRate__BytesPerSecond=fast", $"{Kestrel}MinRequestBodyDataRate__BytesPerSecond is 'fast'", "Double"),
        ($"{Kestrel}MinResponseDataRate__GracePeriod=00:00:00", $"{Kestrel}MinResponseDataRate__GracePeriod is '00:00:00'", "1 second"),

        ($"{Otlp} OTEL_BSP_MAX_QUEUE_SIZE=2147483647", OpenTelemetry("OTEL_BSP_MAX_QUEUE_SIZE, OTEL_EXPORTER_OTLP_ENDPOINT: "), "Correct"),
        ($"{Otlp} OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY=disk", OpenTelemetry("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"), "DIRECTORY_PATH"),
        ($"{Otlp} OTEL_EXPORTER_OTLP_HEADERS=s3cret", OpenTelemetry("OTEL_EXPORTER_OTLP_ENDPOINT"), NoHeaders),
        ($"{Otlp} OTEL_EXPORTER_OTLP_TRACES_HEADERS=x=s3cret%0d%0ay", OpenTelemetry("OTEL_EXPORTER_OTLP_ENDPOINT"), NoHeaders),
    ];

    /// <summary>Settings with which only the builds from scratch cannot start.</summary>
    public static readonly (string Settings, string Begin, string Reason)[] EndTheStaticStart =
    [
        ("ASPNETCORE_HTTPS_PORTS=8443", "ASPNETCORE_HTTPS_PORTS is '8443'", NoTls),
        ("ASPNETCORE_URLS=http://+:8080;https://+:8443", "ASPNETCORE_URLS is 'http://+:8080;https://+:8443'", NoTls),
        ($"{Certificate}Path=/tls.pfx {Certificate}Password=s3cret", Certificate, NoTls),
        ("--Kestrel:Certificates:Default:Password=s3cret", $"{Certificate}Password is set", NoTls),
    ];

    /// <summary>Settings with which only the alpine build cannot start, which has TLS and HTTP/3.</summary>
    public static readonly (string Settings, string Begin, string Reason)[] EndTheAlpineStart =
    [
        ("ASPNETCORE_HTTPS_PORTS=8443", "ASPNETCORE_HTTPS_PORTS is '8443'", NeedsCertificate),
        ($"{Certificate}Path=/nowhere {Certificate}Password=s3cret", $"{Certificate}Path is '/nowhere'", "Could not find file"),
        ("Kestrel__Endpoints__A__Url=http://+:80 Kestrel__Endpoints__A__Certificate__Path=/a", "Kestrel__Endpoints__A__Url is", "non-HTTPS"),
        ($"{Protocols}=Http3", $"{Protocols} is 'Http3'", "requires HTTPS"),
        ($"{Otlp} OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere", OpenTelemetry("OTEL_EXPORTER_OTLP_CERTIFICATE"), "/nowhere"),
    ];

    /// <summary>Settings that are one warning of every build, which contains the second text.</summary>
    public static readonly (string Settings, string Warning)[] WarnInEveryBuild =
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT=collector", $"OTEL_EXPORTER_OTLP_ENDPOINT is 'collector', {NoReceiver}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT=tcp://me:s3cret@a", $"OTEL_EXPORTER_OTLP_ENDPOINT is 'tcp://***@a', {NoReceiver}"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=a?key=s3cret", $"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is 'a?***', {NoReceiver}"),
    ];

    /// <summary>Settings that are one warning of the builds from scratch.</summary>
    public static readonly (string Settings, string Warning)[] WarnInTheStaticBuild =
    [
        ($"{Otlp} OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', which this static binary does not speak"),
        ($"{Otlp} OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=GRPC", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL is 'grpc', which this static binary does not speak"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT=https://me:s3cret@a:4317", $"OTEL_EXPORTER_OTLP_ENDPOINT is 'https://***@a:4317', and {NoTls}"),
        ($"{Otlp} ALL_PROXY=http://me:s3cret@proxy:3128", "ALL_PROXY is set, and this static binary has no support for proxies"),
        ($"{Protocols}=Http2", $"{Protocols} is 'Http2', and {Http1}"),
        ("Kestrel__Endpoints__A__Url=http://+:8080 Kestrel__Endpoints__A__Protocols=http2", $"Kestrel__Endpoints__A__Protocols is 'http2'"),
    ];

    /// <summary>Settings of which no build says anything: the framework reads them, or nothing does. An empty one is one that is not set.</summary>
    public static readonly string[] BringNoWord =
    [
        $"{Otlp} HTTP_PROXY=http://me:s3cret@proxy:3128 NO_PROXY=127.0.0.1 OTEL_TRACES_SAMPLER=foo OTEL_BSP_MAX_QUEUE_SIZE=0",
        "OTEL_NODE_IP=10.0.0.1 OTEL_POD_IP=10.0.0.2 OTEL_RESOURCE_ATTRIBUTES_POD_NAME=hello OTEL_LOG_LEVEL=debug OTEL_SDK_DISABLED=yes",
        "AllowedHosts=a ASPNETCORE_FORWARDEDHEADERS_ENABLED=true ASPNETCORE_WEBROOT=/a ASPNETCORE_URL=http://me:s3cret@+ Logging__Seq__ApiKey=s3cret",
        "ASPNETCORE_ENVIRONMENT=Development TZ=Europe/Berlin Kestrel__AddServerHeader=true SHUTDOWNTIMEOUTSECONDS=5s",
        "ASPNETCORE_URLS=; ASPNETCORE_HTTPS_PORTS= Kestrel__Endpoints__A__Url= Logging__LogLevel__Default= OTEL_EXPORTER_OTLP_ENDPOINT=",
    ];

    /// <summary>Asserts that a start has failed with one line.</summary>
    public static void AssertOneErrorLine(string begin, string reason, ProgramResult ended)
    {
        Assert.True(ended.ExitCode == 1, $"It ended with {ended.ExitCode}: {ended.Output}\n{ended.Error}");
        Assert.All(ended.Output.Split('\n'), line => Assert.Matches("^(info: |$)", line));
        Assert.StartsWith($"error: {begin}", ended.Error, StringComparison.Ordinal);
        Assert.Contains(reason, ended.Error, StringComparison.Ordinal);
        Assert.EndsWith(".", ended.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', ended.Error);
        Assert.All(["   at ", "s3cret", "Out of memory"], text => Assert.DoesNotContain(text, ended.Output + ended.Error, StringComparison.Ordinal));
    }

    /// <summary>Asserts that a log has the warnings, and no other line that is not information. Nobody receives the telemetry.</summary>
    public static void AssertWarnings(IEnumerable<string> log, params string[] warnings)
    {
        var found = log.Where(line => !Regex.IsMatch(line, $"^info: |{Lost}")).ToArray();
        Assert.True(found.Length == warnings.Length, $"There are {found.Length} warnings:\n{string.Join('\n', found)}");
        Assert.All(found, line => Assert.StartsWith("warn: ", line, StringComparison.Ordinal));
        Assert.All(warnings, warning => Assert.Contains(found, line => line.Contains(warning, StringComparison.Ordinal)));
        Assert.DoesNotContain(found, line => line.Contains("s3cret", StringComparison.Ordinal));
    }

    private static string OpenTelemetry(string variables) => $"OpenTelemetry cannot start with {variables}";
}
