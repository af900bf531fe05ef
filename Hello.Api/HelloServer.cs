using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Hello.Api;

/// <summary>Where the API listens, what it accepts and what it logs.</summary>
public static class HelloServer
{
    private static readonly TimeSpan SlowFor = TimeSpan.FromSeconds(5);

    /// <summary>What the builder has to know from the beginning.</summary>
    public static WebApplicationOptions Options => new()
    {
        EnvironmentName = Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT") ?? Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT"),
    };

    /// <summary>Adds settings, web server, routes and log; all but the limits are open to the usual settings.</summary>
    public static void AddHelloServer(this WebApplicationBuilder builder, string[] args)
    {
        // As in the other builders, less the files, which no image has: what comes last wins.
        builder.Configuration
            .AddEnvironmentVariables("ASPNETCORE_")
            .AddEnvironmentVariables("DOTNET_")
            .AddEnvironmentVariables()
            .AddCommandLine(args);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();

        // Not in a `Listen` call, which would overrule ASPNETCORE_URLS, ASPNETCORE_HTTP_PORTS and --urls.
        // https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints
        if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
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

            // A connection takes 10 KB, and 40 KB where it has sent all the headers that it may: 20 MB in all. And with those
            // that are on their way in and out, they stay below 1,024 descriptors, which is all that many hosts allow: Kestrel
            // is caught in a loop that takes ever more memory once it is refused one.
            var connections = new ConnectionLimit(open: 384, closing: 128);
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => connection => connections.OnConnectionAsync(connection, next)));
        });

        // What a connection may hold back, of requests that wait for their turn and of answers that nobody takes: with the usual
        // 1 MB fifty of them fill the memory that a small container has.
        builder.Services.Configure<SocketTransportOptions>(sockets => (sockets.MaxReadBufferSize, sockets.MaxWriteBufferSize) = (16 * 1024, 16 * 1024));

        // Well within the 10 s that `docker stop` waits before it kills.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));

        // In code, since a scratch image has no appsettings.json; Logging__LogLevel__Microsoft.AspNetCore overrides it.
        // Without it the framework writes four lines a request.
        if (builder.Configuration["Logging:LogLevel:Microsoft.AspNetCore"] is null)
        {
            builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        }

        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Services.AddSingleton<ILoggerProvider, LineLoggerProvider>();
    }
}
