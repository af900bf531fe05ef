using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Hello.Api;

/// <summary>Where the API listens, what it accepts and what it logs.</summary>
internal static class HelloServer
{
    /// <summary>Makes a builder with the settings of <see cref="WebApplication.CreateBuilder(string[])"/>, the web server, routes and the log.</summary>
    /// <remarks>
    /// Without its files of settings, because no image has any. With CreateSlimBuilder, the static binary takes half as long again
    /// to start: https://learn.microsoft.com/aspnet/core/fundamentals/minimal-apis/webapplication.
    /// </remarks>
    /// <exception cref="SettingException">The API cannot start with a setting.</exception>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        var host = Settings.ReadForHost(args);

        // Without the folder "webRoot", which the builder would create. The API has no static files.
        var builder = WebApplication.CreateEmptyBuilder(new()
        {
            ApplicationName = host["applicationName"],
            ContentRootPath = host["contentRoot"],
            EnvironmentName = host["environment"],
        });
        Settings.AddTo(builder.Configuration, args);
        ListenAddresses.Check(builder.Configuration);

        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Services.AddSingleton<ILoggerProvider>(_ => new LineLoggerProvider(Console.OpenStandardOutput()));
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        if (HttpSupport.IsFull)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, builder.Configuration));

        // A connection takes 10 KB, or 40 KB if it has sent all the headers that it may: 20 MB for all connections. They need fewer
        // than 1,024 descriptors, which is the limit of many hosts. Beyond it, Kestrel loops, and .NET has none for another thread.
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => new ConnectionLimit(
            new SocketTransportFactory(services.GetRequiredService<IOptions<SocketTransportOptions>>(), services.GetRequiredService<ILoggerFactory>()),
            open: 384, closing: 128));

        // Limits what a connection may buffer of requests that wait and of answers that the client does not read. With the
        // default of 1 MB, fifty connections fill the memory of a small container.
        builder.Services.Configure<SocketTransportOptions>(sockets =>
            (sockets.MaxReadBufferSize, sockets.MaxWriteBufferSize) = (16 * 1024, 16 * 1024));
        return builder;
    }

    private static void Configure(KestrelServerOptions kestrel, ConfigurationManager settings)
    {
        if (!HttpSupport.IsFull)
        {
            ServeHttp1(settings, kestrel.ApplicationServices);
        }

        // The start leaves garbage, a twentieth of the memory, which .NET would keep until as much again has been allocated.
        var started = kestrel.ApplicationServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted;
        started.Register(() => Task.Delay(millisecondsDelay: 200, CancellationToken.None).ContinueWith(
            _ => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true), TaskScheduler.Default));

        var section = settings.GetSection("Kestrel");
        kestrel.Configure(section);
        kestrel.AddServerHeader = false;
        kestrel.AllowHostHeaderOverride = true; // https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
        kestrel.Limits.MaxRequestBodySize = 4 * 1024; // no route reads a body: 413
        kestrel.Limits.MaxRequestLineSize = 8 * 1024; // 414
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024; // 431
        kestrel.Limits.MaxRequestHeaderCount = 64; // 431
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10); // 408
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130); // then the idle connection is closed
        kestrel.Limits.MinRequestBodyDataRate = Rate("MinRequestBodyDataRate"); // 408
        kestrel.Limits.MinResponseDataRate = Rate("MinResponseDataRate"); // then the connection is closed
        section.GetSection("Limits").Bind(kestrel.Limits); // a load balancer may need others

        // The binder cannot set a rate, because its properties are read-only.
        MinDataRate Rate(string name) => new(
            section.GetValue($"Limits:{name}:BytesPerSecond", 1024d), section.GetValue($"Limits:{name}:GracePeriod", TimeSpan.FromSeconds(5)));
    }

    /// <summary>Warns of protocols that the static binary does not speak, which would break every connection, and serves HTTP/1.1.</summary>
    private static void ServeHttp1(ConfigurationManager settings, IServiceProvider services)
    {
        foreach (var (key, value) in settings.GetSection("Kestrel").AsEnumerable().ToArray())
        {
            if (key.EndsWith(":Protocols", StringComparison.OrdinalIgnoreCase)
                && Enum.TryParse<HttpProtocols>(value, ignoreCase: true, out var protocols) && !protocols.HasFlag(HttpProtocols.Http1))
            {
                services.GetRequiredService<ILogger<KestrelServer>>().SpeaksOnlyHttp1(Settings.NameOf(key, value), value!);
                settings.AddInMemoryCollection([new(key, nameof(HttpProtocols.Http1))]);
            }
        }
    }
}
