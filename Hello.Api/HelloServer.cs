namespace Hello.Api;

/// <summary>Where the API listens, what it accepts and what it logs.</summary>
public static class HelloServer
{
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
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130); // then the idle connection is closed
        });

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
