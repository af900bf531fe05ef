using System.Net;
using Hello.AppHost.Dashboard;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.Tests;

/// <summary>Everything that listens while the application runs listens on loopback, and serves nobody without its key.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class SurfaceTests(HelloApplication hello)
{
    private const string Wrong = "0123456789abcdef0123456789abcdef";

    /// <summary>The surfaces, and the settings that hold their keys.</summary>
    public static TheoryData<string, string> Surfaces => new()
    {
        { "dashboard", "AppHost:BrowserToken" },
        { "telemetry", "AppHost:DashboardApiKey" },
        { "otlp-http", "AppHost:OtlpApiKey" },
        { "otlp-grpc", "AppHost:OtlpApiKey" },
        { "resource service", "AppHost:ResourceService:ApiKey" },
    };

    [Theory]
    [MemberData(nameof(Surfaces))]
    public async Task A_surface_serves_a_client_with_its_key_and_no_other(string surface, string setting)
    {
        var key = hello.App.Services.GetRequiredService<IConfiguration>()[setting];
        Assert.True(key is { Length: >= 32 }, $"{setting} is '{key}'.");

        Assert.Equal("refused", await AskAsync(surface, null));
        Assert.Equal("refused", await AskAsync(surface, Wrong));
        Assert.Equal("refused", await AskAsync(surface, key[..^1]));
        Assert.Equal("served", await AskAsync(surface, key));
    }

    [Fact]
    public void Every_key_is_another()
    {
        var configuration = hello.App.Services.GetRequiredService<IConfiguration>();
        Assert.Distinct(HelloApplication.Keys.Select(key => configuration[key]));
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

    [Fact]
    public async Task No_process_listens_beyond_loopback()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // Only Linux has /proc.
        }

        var processes = Processes();
        Assert.Contains(processes, p => p.Arguments.Contains("run-controllers"));
        var resourceService = ResourceServiceAddress(processes);
        var page = await ComparisonPageAsync();
        var listeners = TcpListeners.Of(processes);
        Assert.Contains(listeners, l => l.Address.Port == page.Port);
        Assert.Contains(listeners, l => l.Address.Port == hello.App.GetEndpoint("aspire-dashboard", "http").Port);
        Assert.Contains(listeners, l => l.Address.Port == resourceService.Port);

        // The containers reach the dashboard through a tunnel that this side opens.
        Assert.All(listeners, l => Assert.True(IPAddress.IsLoopback(l.Address.Address), $"{string.Join(' ', l.Process.Arguments)} listens on {l.Address}."));
    }

    [Fact]
    public async Task No_container_is_published_beyond_loopback()
    {
        // The containers of the model and the one of the tunnel.
        var networks = await CommandLine.DockerAsync(["container", "inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", hello.ContainerId(HelloImages.Specification[0])]);
        var containers = (await CommandLine.DockerAsync("container", "ls", "--quiet", "--filter", $"network={networks}")).Split('\n');
        Assert.Equal(HelloImages.Specification.Length + 1, containers.Length);

        var published = await CommandLine.DockerAsync(
            ["container", "inspect", "--format", "{{range $port, $bindings := .NetworkSettings.Ports}}{{range $bindings}}{{$.Name}} {{$port}} {{.HostIp}}\n{{end}}{{end}}", .. containers]);
        var bindings = published.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(HelloImages.Specification, image => Assert.Contains(bindings, b => b.StartsWith($"/{hello.StateOf(image).ResourceId} 8080/tcp ", StringComparison.Ordinal)));
        Assert.All(bindings, b => Assert.True(IPAddress.IsLoopback(IPAddress.Parse(b.Split(' ')[^1])), $"Published: {b}"));
    }

    private Task<Uri> ComparisonPageAsync() => hello.App.Services.GetRequiredService<ComparisonPageServer>().StartAsync(CancellationToken.None);

    private async Task<string> AskAsync(string surface, string? key)
    {
        switch (surface)
        {
            case "dashboard":
                using (var browser = new HttpClient { BaseAddress = hello.App.GetEndpoint("aspire-dashboard", "http") })
                {
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

            case "telemetry":
                return await SendAsync("http", new(HttpMethod.Get, "/api/telemetry/resources"), "x-api-key");

            case "otlp-http":
                return await SendAsync(
                    surface, new(HttpMethod.Post, "/v1/traces") { Content = new ByteArrayContent([]) { Headers = { ContentType = new("application/x-protobuf") } } }, "x-otlp-api-key");

            case "otlp-grpc":
                return await SendAsync(surface, EmptyGrpcMessage("/opentelemetry.proto.collector.trace.v1.TraceService/Export"), "x-otlp-api-key");

            default:
                return await SendAsync(surface, EmptyGrpcMessage("/aspire.v1.DashboardService/GetApplicationInformation"), "x-resource-service-api-key");
        }

        async Task<string> SendAsync(string endpoint, HttpRequestMessage request, string header)
        {
            using var client = new HttpClient { BaseAddress = endpoint == "resource service" ? ResourceServiceAddress(Processes()) : hello.App.GetEndpoint("aspire-dashboard", endpoint) };
            using (request)
            {
                if (key is not null)
                {
                    request.Headers.Add(header, key);
                }

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
    }

    /// <summary>A call without arguments: a byte of flags and four of a length of 0, over HTTP/2 without TLS. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md</summary>
    private static HttpRequestMessage EmptyGrpcMessage(string path) => new(HttpMethod.Post, path)
    {
        Version = HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Headers = { TE = { new("trailers") } },
        Content = new ByteArrayContent(new byte[5]) { Headers = { ContentType = new("application/grpc") } },
    };

    /// <summary>The processes of the application: the AppHost, which is this process, its DCP, and everything that DCP has started, such as the dashboard. Another test may run an AppHost of its own at the same time.</summary>
    private static HostProcess[] Processes()
    {
        var all = HostProcess.All();
        List<HostProcess> own = [.. all.Where(p => p.Id == Environment.ProcessId || Follows(p.Arguments, "--monitor", $"{Environment.ProcessId}"))];
        for (var i = 0; i < own.Count; i++)
        {
            own.AddRange(all.Where(p => p.Parent == own[i].Id && !own.Contains(p) && !p.Arguments.Contains(typeof(Projects.Hello_AppHost).Assembly.Location)));
        }

        return [.. own];

        static bool Follows(string[] arguments, string option, string value) => arguments.Zip(arguments.Skip(1)).Contains((option, value));
    }

    /// <summary>The AppHost gives this address to its dashboard, in a variable, and to nobody else.</summary>
    private static Uri ResourceServiceAddress(HostProcess[] processes) =>
        new(Assert.Single(processes.Select(p => p.Variable("ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL")).OfType<string>().Distinct()));
}
