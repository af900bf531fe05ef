using System.Net;
using System.Net.NetworkInformation;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Hello.AppHost;

/// <summary>Runs the builds. Whatever keeps them from running is one line and exit code 1.</summary>
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

        // Aspire notices a taken port late, and then writes a stack trace or nothing at all. To publish takes no port.
        if (builder.ExecutionContext.IsRunMode && TakenAddresses(builder.Configuration) is { Length: > 0 } taken)
        {
            await FailAsync($"The AppHost cannot listen on {string.Join(", ", taken)}: in use, perhaps by another AppHost. End it, or take free ports: dotnet run --project Hello.AppHost -- --DcpPublisher:RandomizePorts=true");
            return;
        }

        // FailAsync says why a start failed. The host would say it again, with a stack trace.
        builder.Services.AddLogging(logging => logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical));
        try
        {
            await builder.Build().RunAsync();
        }
        catch (DistributedApplicationException e)
        {
            await FailAsync(e.Message);
        }
    }

    private static string[] TakenAddresses(ConfigurationManager configuration)
    {
        if (configuration.GetValue<bool>("DcpPublisher:RandomizePorts"))
        {
            return [];
        }

        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners()
            .Where(l => IPAddress.IsLoopback(l.Address) || l.Address.Equals(IPAddress.Any) || l.Address.Equals(IPAddress.IPv6Any))
            .Select(l => l.Port)
            .ToHashSet();
        return
        [
            .. AddressSettings
                .SelectMany(setting => configuration[setting]?.Split(';') ?? [])
                .Where(address => Uri.TryCreate(address, UriKind.Absolute, out var uri) && taken.Contains(uri.Port)),
        ];
    }

    private static Task FailAsync(string message)
    {
        Environment.ExitCode = 1;
        return Console.Error.WriteLineAsync($"error: {message}");
    }
}
