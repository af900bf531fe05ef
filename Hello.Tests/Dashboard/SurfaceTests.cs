namespace Hello.Tests;

/// <summary>Everything that listens while the application runs listens on loopback, and serves nobody without its key.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class SurfaceTests(HelloApplication hello)
{
    private const string Wrong = "0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("dashboard", "AppHost:BrowserToken")]
    [InlineData("telemetry", "AppHost:DashboardApiKey")]
    [InlineData("otlp-http", "AppHost:OtlpApiKey")]
    [InlineData("otlp-grpc", "AppHost:OtlpApiKey")]
    [InlineData("resource service", "AppHost:ResourceService:ApiKey")]
    public async Task A_surface_serves_a_client_with_its_key_and_no_other(string surface, string setting)
    {
        var key = hello.App.Services.GetRequiredService<IConfiguration>()[setting];
        Assert.True(key is { Length: >= 32 }, $"{setting} is '{key}'.");

        Assert.Equal("refused", await AskAsync(surface, null));
        Assert.Equal("refused", await AskAsync(surface, Wrong));
        Assert.Equal("refused", await AskAsync(surface, key[..^1]));
        Assert.Equal("served", await AskAsync(surface, key));
    }

    /// <summary>The key of the page of the comparison is its path.</summary>
    [Fact]
    public async Task The_page_of_the_comparison_is_served_to_a_client_with_its_path_and_no_other()
    {
        var page = await ComparisonPageAsync();
        using var client = new HttpClient();

        Assert.StartsWith("<!DOCTYPE html>", await client.GetStringAsync(page), StringComparison.Ordinal);
        foreach (var wrong in (string[])["/", $"/{Wrong}", page.AbsolutePath[..^1], $"{page.AbsolutePath}/../comparison.md"])
        {
            using var answer = await client.GetAsync(new Uri(page, wrong));
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [FactOnLinux] // which has /proc
    public async Task No_process_listens_beyond_loopback()
    {
        var processes = Processes();
        Assert.Contains(processes, p => p.Arguments.Contains("run-controllers"));
        var page = await ComparisonPageAsync();
        int[] ports = [ResourceServiceAddress(processes).Port, page.Port, hello.App.GetEndpoint("aspire-dashboard", "http").Port];
        var listeners = TcpListeners.Of(processes);

        Assert.Subset(listeners.Select(l => l.Address.Port).ToHashSet(), ports.ToHashSet());
        // The containers reach the dashboard through a tunnel that this side opens.
        Assert.All(listeners, l => Assert.True(
            IPAddress.IsLoopback(l.Address.Address), $"{string.Join(' ', l.Process.Arguments)} listens on {l.Address}."));
    }

    [Fact]
    public async Task No_container_is_published_beyond_loopback()
    {
        // The containers of the model and the one of the tunnel.
        var container = hello.ContainerId(HelloImages.Specification[0]);
        var network = await InspectAsync("{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", container);
        var containers = (await CommandLine.DockerAsync("container", "ls", "--quiet", "--filter", $"network={network}")).Split('\n');
        Assert.Equal(HelloImages.Specification.Length + 1, containers.Length);

        var bindings = (await InspectAsync(
            "{{range $port, $bindings := .NetworkSettings.Ports}}{{range $bindings}}{{$.Name}} {{$port}} {{.HostIp}}\n{{end}}{{end}}", containers))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(HelloImages.Specification, image => Assert.Contains($"/{hello.StateOf(image).ResourceId} 8080/tcp 127.0.0.1", bindings));
        Assert.All(bindings, b => Assert.True(IPAddress.IsLoopback(IPAddress.Parse(b.Split(' ')[^1])), $"Published: {b}"));

        static Task<string> InspectAsync(string format, params string[] containers) =>
            CommandLine.DockerAsync(["container", "inspect", "--format", format, .. containers]);
    }

    private Task<Uri> ComparisonPageAsync() => hello.App.Services.GetRequiredService<ComparisonPageServer>().StartAsync();

    private Task<string> AskAsync(string surface, string? key)
    {
        const string trace = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        const string information = "/aspire.v1.DashboardService/GetApplicationInformation";
        return surface switch
        {
            "dashboard" => OpenAsync(),
            "telemetry" => SendAsync(Endpoint("http"), new(HttpMethod.Get, "/api/telemetry/resources"), "x-api-key"),
            "otlp-http" => SendAsync(
                Endpoint(surface), new(HttpMethod.Post, "/v1/traces") { Content = Empty(0, "application/x-protobuf") }, "x-otlp-api-key"),
            "otlp-grpc" => SendAsync(Endpoint(surface), EmptyGrpcMessage(trace), "x-otlp-api-key"),
            _ => SendAsync(ResourceServiceAddress(Processes()), EmptyGrpcMessage(information), "x-resource-service-api-key"),
        };

        Uri Endpoint(string name) => hello.App.GetEndpoint("aspire-dashboard", name);

        async Task<string> OpenAsync()
        {
            using var browser = new HttpClient { BaseAddress = Endpoint("http") };
            using var login = await browser.GetAsync(new Uri(key is null ? "/" : $"/login?t={key}", UriKind.Relative));
            using var page = await browser.GetAsync(new Uri("/", UriKind.Relative));
            var end = page.RequestMessage!.RequestUri!.AbsolutePath;
            return (page.StatusCode, end) switch
            {
                (HttpStatusCode.OK, "/") => "served",
                (_, "/login") => "refused",
                _ => $"{page.StatusCode} at {end}",
            };
        }

        async Task<string> SendAsync(Uri endpoint, HttpRequestMessage request, string header)
        {
            using var client = new HttpClient { BaseAddress = endpoint };
            request.Headers.Add(header, key is null ? [] : [key]);
            using var answer = await client.SendAsync(request);
            // gRPC has its own status, in the trailers behind the body.
            var body = await answer.Content.ReadAsStringAsync();
            var grpc = answer.TrailingHeaders.TryGetValues("grpc-status", out var values) ? values.Single() : null;
            return (answer.StatusCode, grpc) switch
            {
                (HttpStatusCode.OK, null or "0") => "served",
                (HttpStatusCode.Unauthorized, _) => "refused",
                _ => $"{answer.StatusCode}, gRPC {grpc}: {body}",
            };
        }
    }

    /// <summary>
    /// A call without arguments: a byte of flags and four of a length of 0, over HTTP/2 without TLS.
    /// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
    /// </summary>
    private static HttpRequestMessage EmptyGrpcMessage(string path) => new(HttpMethod.Post, path)
    {
        Version = HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Headers = { TE = { new("trailers") } },
        Content = Empty(5, "application/grpc"),
    };

    private static ByteArrayContent Empty(int length, string type) => new(new byte[length]) { Headers = { ContentType = new(type) } };

    /// <summary>
    /// The processes of the application: the AppHost, which is this process, its DCP, and everything that DCP has started, such as the
    /// dashboard. Another test may run an AppHost of its own at the same time.
    /// </summary>
    private static HostProcess[] Processes()
    {
        var all = HostProcess.All().Where(p => !p.Arguments.Contains(typeof(Projects.Hello_AppHost).Assembly.Location)).ToArray();
        var id = Environment.ProcessId;
        List<HostProcess> own = [.. all.Where(p => p.Id == id || p.Arguments.Zip(p.Arguments.Skip(1)).Contains(("--monitor", $"{id}")))];
        for (var i = 0; i < own.Count; i++)
        {
            own.AddRange(all.Where(p => p.Parent == own[i].Id && !own.Contains(p)));
        }

        return [.. own];
    }

    /// <summary>The AppHost gives this address to its dashboard, in a variable, and to nobody else.</summary>
    private static Uri ResourceServiceAddress(HostProcess[] processes) =>
        new(Assert.Single(processes.Select(p => p.Variable("ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL")).OfType<string>().Distinct()));
}
