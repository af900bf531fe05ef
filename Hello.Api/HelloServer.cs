using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Hello.Api;

/// <summary>Where the API listens, what it accepts and what it logs.</summary>
public static class HelloServer
{
    private static readonly TimeSpan SlowFor = TimeSpan.FromSeconds(5);

    private static readonly string[] AddressSettings = ["urls", "http_ports", "https_ports"];

    /// <summary>Makes a builder with the settings that <see cref="WebApplication.CreateBuilder(string[])"/> reads, in its order.</summary>
    /// <remarks>
    /// Without its settings files, because no image has any. That builder also adds watchers for the files and much
    /// more, a fifth of the start.
    /// https://learn.microsoft.com/aspnet/core/fundamentals/minimal-apis/webapplication
    /// </remarks>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // The settings of the host. Each source wins over the sources above it. Variables without a prefix are settings of the
        // application only: ENVIRONMENT does not set the environment. The empty builder reads nothing but a command line,
        // so the settings are passed to it as one.
        // https://github.com/dotnet/aspnetcore/blob/main/src/DefaultBuilder/src/WebApplicationBuilder.cs
        // https://github.com/dotnet/runtime/blob/main/src/libraries/Microsoft.Extensions.Hosting/src/HostApplicationBuilder.cs
        using ConfigurationManager host = new();
        host.AddInMemoryCollection(Defaults)
            .AddEnvironmentVariables("ASPNETCORE_")
            .AddEnvironmentVariables("DOTNET_")
            .AddCommandLine(args);
        List<string> settings = [];
        foreach (var (key, value) in host.AsEnumerable())
        {
            if (value is not null)
            {
                settings.Add("--" + key + "=" + value);
            }
        }

        var builder = WebApplication.CreateEmptyBuilder(new() { Args = [.. settings] });
        builder.Configuration
            .AddEnvironmentVariables()
            .AddCommandLine(args);
        return builder;
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
    public static void AddHelloServer(this WebApplicationBuilder builder)
    {
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();

        // Kestrel warns if it has addresses from two kinds of settings, so the default must not be one of them. A `Listen`
        // call would override all of them.
        // https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints
        if (AddressSettings.All(setting => string.IsNullOrEmpty(builder.Configuration[setting]))
            && !builder.Configuration.GetSection("Kestrel:Endpoints").GetChildren().Any())
        {
            builder.WebHost.UseSetting("http_ports", "8080");
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
}
