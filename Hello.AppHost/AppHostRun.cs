using System.Net;
using System.Net.Sockets;
using Hello.Compare.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Hello.AppHost;

/// <summary>Runs the builds. If they cannot run, it writes one line and ends with exit code 1.</summary>
internal static class AppHostRun
{
    /// <summary>The addresses that the AppHost and its dashboard listen on, as the launch profile sets them: https://aspire.dev/app-host/configuration/.</summary>
    private static readonly string[] AddressSettings =
        ["ASPNETCORE_URLS", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL", "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"];

    /// <summary>Runs the model until Ctrl+C, or publishes it.</summary>
    public static async Task RunBuildsAsync(this IDistributedApplicationBuilder builder)
    {
        // As in the launch profile, so that the program also starts without it.
        builder.Configuration["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] ??= "true";
        EngineEnvironment.RemoveChanging();
        try
        {
            // Aspire looks for an engine by the name that is set, even if the name is empty.
            var engine = ContainerEngine.FindName(setting => builder.Configuration[setting]);
            foreach (var setting in ContainerEngine.Settings)
            {
                builder.Configuration[setting] = engine;
            }

            // Publishing needs no port.
            if (builder.ExecutionContext.IsRunMode && FindProblem(AddressesOf(builder.Configuration)) is { } problem)
            {
                await FailAsync($"The AppHost cannot listen on {problem}, or take free ports: dotnet run --project Hello.AppHost -- --DcpPublisher:RandomizePorts=true");
                return;
            }

            LoopbackProxy.Bypass();
            // FailAsync says why a start failed. The host would say it again, with a stack trace.
            builder.Services.AddLogging(logging => logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical));
            await builder.Build().RunAsync();
        }
        catch (Exception e) when (e is DistributedApplicationException or MeasurementException)
        {
            await FailAsync(e.Message);
        }
    }

    /// <summary>Why it cannot listen, and what to do; null if it can. Aspire notices a taken port late, and then writes a stack trace or nothing at all.</summary>
    private static string? FindProblem((string Setting, string Address)[] addresses)
    {
        // The dashboard would start, and show nothing.
        if (FindTwice(addresses) is { } twice)
        {
            return $"one port twice: {twice}. Give each its own port";
        }

        var refused = addresses
            .SelectMany(a => EndPointsOf(a.Address).Select(LocalPort.TryListen).Distinct().Select(reason => (reason, a.Address)))
            .ToLookup(refused => refused.reason, refused => refused.Address);
        return refused[SocketError.AddressAlreadyInUse].ToArray() is { Length: > 0 } taken
            ? $"{string.Join(", ", taken)}: in use, perhaps by another AppHost. End it"
            // A port below 1024, or one that Windows has set aside.
            : refused[SocketError.AccessDenied].ToArray() is { Length: > 0 } denied
                ? $"{string.Join(", ", denied)}: the system does not allow it. Choose higher ports"
                : null;
    }

    /// <summary>The addresses with their settings; none if each program takes a free port.</summary>
    private static (string Setting, string Address)[] AddressesOf(ConfigurationManager configuration) => configuration.GetValue<bool>("DcpPublisher:RandomizePorts")
        ? []
        : [.. AddressSettings.SelectMany(setting => configuration[setting]?.Split(';', StringSplitOptions.RemoveEmptyEntries) ?? [], (setting, a) => (setting, a))];

    /// <summary>The first two addresses that need the same port; null if there are none. Port 0 is a free one.</summary>
    private static string? FindTwice((string Setting, string Address)[] addresses) => (
        from one in addresses.Index()
        from other in addresses[..one.Index]
        from a in EndPointsOf(one.Item.Address)
        from b in EndPointsOf(other.Address)
        where a.Port != 0 && a.Port == b.Port && (a.Equals(b) || (a.AddressFamily == b.AddressFamily && (IsAny(a) || IsAny(b))))
        select $"{other.Setting}={other.Address} and {one.Item.Setting}={one.Item.Address}").FirstOrDefault();

    private static bool IsAny(IPEndPoint endPoint) => endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);

    /// <summary>The end points that a server listens on: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints.</summary>
    /// <param name="address">An address such as <c>http://localhost:15888</c>. If it is no address, nothing is listened on.</param>
    private static IEnumerable<IPEndPoint> EndPointsOf(string address)
    {
        // "http://localhost:15888", "http://127.0.0.1:15888", "http://*:15888"
        if (!Uri.TryCreate(address.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var uri))
        {
            return [];
        }

        return IPAddress.TryParse(uri.DnsSafeHost, out var ip) && !ip.Equals(IPAddress.Any)
            ? [new(ip, uri.Port)]
            : uri.IsLoopback
                ? [new(IPAddress.Loopback, uri.Port), new(IPAddress.IPv6Loopback, uri.Port)]
                : [new(IPAddress.Any, uri.Port), new(IPAddress.IPv6Any, uri.Port)];
    }

    private static Task FailAsync(string message)
    {
        Environment.ExitCode = 1;
        return Console.Error.WriteLineAsync($"error: {message}");
    }
}
