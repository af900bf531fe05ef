using System.Globalization;
using Hello.ServiceDefaults;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Hello.Api;

/// <summary>Where the API listens, what it accepts and what it logs.</summary>
public static class HelloServer
{
    private static readonly TimeSpan SlowFor = TimeSpan.FromSeconds(5);

    /// <summary>Makes a builder with the settings that <see cref="WebApplication.CreateBuilder(string[])"/> reads, in its order.</summary>
    /// <remarks>
    /// Without its settings files, because no image has any. That builder also adds watchers for the files and much
    /// more, a fifth of the start.
    /// https://learn.microsoft.com/aspnet/core/fundamentals/minimal-apis/webapplication
    /// </remarks>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // The settings of the host. Each source wins over the sources above it. Variables without a prefix are settings of the
        // application only: ENVIRONMENT does not set the environment.
        // https://github.com/dotnet/aspnetcore/blob/main/src/DefaultBuilder/src/WebApplicationBuilder.cs
        // https://github.com/dotnet/runtime/blob/main/src/libraries/Microsoft.Extensions.Hosting/src/HostApplicationBuilder.cs
        HostSettings.CheckArguments(args);
        using ConfigurationManager host = new();
        AddHost(host).AddCommandLine(args);
        new HostSettings(host, args).CheckContentRoot();

        // Without the folder "webRoot", which the builder would create. The API has no static files and warns of the setting.
        var builder = WebApplication.CreateEmptyBuilder(new()
        {
            ApplicationName = host["applicationName"],
            ContentRootPath = host["contentRoot"],
            EnvironmentName = host["environment"],
        });
        AddHost(builder.Configuration).AddEnvironmentVariables().AddCommandLine(args);
        return builder;

        static IConfigurationBuilder AddHost(IConfigurationBuilder configuration) => configuration
            .AddInMemoryCollection(Defaults)
            .AddEnvironmentVariables("ASPNETCORE_")
            .AddEnvironmentVariables("DOTNET_");
    }

    /// <summary>Settings with the lowest precedence.</summary>
    private static Dictionary<string, string?> Defaults => new()
    {
        // Well below the 10 s that `docker stop` waits before it kills the process.
        ["shutdownTimeoutSeconds"] = "5",
        // Otherwise the framework writes four lines for each request.
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
    };

    /// <summary>Adds web server, routes and log.</summary>
    /// <param name="settings">The settings of the host, which have been checked.</param>
    internal static void AddHelloServer(this WebApplicationBuilder builder, HostSettings settings)
    {
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        if (FeatureSwitches.HttpClientSupported)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        // Kestrel warns if it has addresses from two kinds of settings, so the default must not be one of them. A `Listen`
        // call would override all of them.
        // https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints
        if (!settings.HasAddress)
        {
            builder.WebHost.UseSetting("http_ports", HostSettings.DefaultPort);
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Configure(builder.Configuration.GetSection("Kestrel"));
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 * 1024; // no route reads a body: 413
            kestrel.Limits.MaxRequestLineSize = 8 * 1024; // 414
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024; // 431
            kestrel.Limits.MaxRequestHeaderCount = 64; // 431
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10); // 408
            kestrel.Limits.MinRequestBodyDataRate = new(bytesPerSecond: 1024, SlowFor); // 408
            kestrel.Limits.MinResponseDataRate = new(bytesPerSecond: 1024, SlowFor); // then the connection is closed
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130); // then the idle connection is closed
            SetLimits(kestrel.Limits, settings);

            // A connection takes 10 KB, or 40 KB if it has sent all the headers that it may: 20 MB for all connections.
            // Together with the connections that are just being opened and closed, they need fewer than 1,024
            // descriptors, which is the limit of many hosts. Beyond it, Kestrel loops and takes ever more memory.
            var connections = new ConnectionLimit(open: 384, closing: 128);
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => connection => connections.OnConnectionAsync(connection, next)));
        });

        // Limits what a connection may buffer of requests that wait and of answers that the client does not read. With the
        // default of 1 MB, fifty connections fill the memory of a small container.
        builder.Services.Configure<SocketTransportOptions>(sockets => (sockets.MaxReadBufferSize, sockets.MaxWriteBufferSize) = (16 * 1024, 16 * 1024));

        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Services.AddSingleton<ILoggerProvider>(_ => new LineLoggerProvider(Console.OpenStandardOutput()));
    }

    /// <summary>Sets the limits of Kestrel that the settings name, since a load balancer may need others: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/options.</summary>
    private static void SetLimits(KestrelServerLimits limits, HostSettings settings)
    {
        settings.Limit(nameof(limits.KeepAliveTimeout), text => limits.KeepAliveTimeout = Time(text));
        settings.Limit(nameof(limits.RequestHeadersTimeout), text => limits.RequestHeadersTimeout = Time(text));
        settings.Limit(nameof(limits.MaxConcurrentConnections), text => limits.MaxConcurrentConnections = Number(text));
        settings.Limit(nameof(limits.MaxConcurrentUpgradedConnections), text => limits.MaxConcurrentUpgradedConnections = Number(text));
        settings.Limit(nameof(limits.MaxRequestBodySize), text => limits.MaxRequestBodySize = Number(text));
        settings.Limit(nameof(limits.MaxRequestBufferSize), text => limits.MaxRequestBufferSize = Number(text));
        settings.Limit(nameof(limits.MaxResponseBufferSize), text => limits.MaxResponseBufferSize = Number(text));
        settings.Limit(nameof(limits.MaxRequestHeaderCount), text => limits.MaxRequestHeaderCount = checked((int)Number(text)));
        settings.Limit(nameof(limits.MaxRequestHeadersTotalSize), text => limits.MaxRequestHeadersTotalSize = checked((int)Number(text)));
        settings.Limit(nameof(limits.MaxRequestLineSize), text => limits.MaxRequestLineSize = checked((int)Number(text)));
        settings.Limit($"{nameof(limits.MinRequestBodyDataRate)}:{nameof(MinDataRate.BytesPerSecond)}", text => limits.MinRequestBodyDataRate = new(Number(text), limits.MinRequestBodyDataRate!.GracePeriod));
        settings.Limit($"{nameof(limits.MinRequestBodyDataRate)}:{nameof(MinDataRate.GracePeriod)}", text => limits.MinRequestBodyDataRate = new(limits.MinRequestBodyDataRate!.BytesPerSecond, Time(text)));
        settings.Limit($"{nameof(limits.MinResponseDataRate)}:{nameof(MinDataRate.BytesPerSecond)}", text => limits.MinResponseDataRate = new(Number(text), limits.MinResponseDataRate!.GracePeriod));
        settings.Limit($"{nameof(limits.MinResponseDataRate)}:{nameof(MinDataRate.GracePeriod)}", text => limits.MinResponseDataRate = new(limits.MinResponseDataRate!.BytesPerSecond, Time(text)));
        settings.FindUnusedLimits();

        // Kestrel does not start if a line or the headers may be larger than the buffer.
        var request = Math.Max(limits.MaxRequestLineSize, limits.MaxRequestHeadersTotalSize);
        if (limits.MaxRequestBufferSize < request)
        {
            limits.MaxRequestBufferSize = request;
            settings.WarnOfSmallBuffer(nameof(limits.MaxRequestBufferSize), request);
        }

        static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

        // A number alone would be days.
        static TimeSpan Time(string text) => text.Contains(':', StringComparison.Ordinal) ? TimeSpan.Parse(text, CultureInfo.InvariantCulture) : throw new FormatException();
    }
}
