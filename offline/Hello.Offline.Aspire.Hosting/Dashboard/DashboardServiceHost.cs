using System.Net;
using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Dashboard;

/// <summary>Listens for the dashboard, on loopback, and lets in only who has the key.</summary>
internal sealed class DashboardServiceHost(
    AppHostMetadata appHost,
    ResourceNotificationService notifications,
    ResourceLoggerService logs,
    ResourceCommandService commands,
    IConfiguration configuration,
    ILoggerFactory loggers) : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private WebApplication? _application;

    /// <summary>Where it listens, once started.</summary>
    public string Url => _application!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var randomPort = configuration.GetValue<bool>("DcpPublisher:RandomizePorts");
        var port = configuration["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] is { } url && !randomPort ? new Uri(url).Port : 0;
        var builder = WebApplication.CreateSlimBuilder();
        // The application's own settings would make it listen where the dashboard does.
        builder.Configuration.Sources.Clear();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new DashboardService(appHost, notifications, logs, commands, _stopping.Token));
        // gRPC without TLS needs HTTP/2 from the first byte.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));

        _application = builder.Build();
        _application.Use(RequireKeyAsync);
        _application.MapGrpcService<DashboardService>();
        await _application.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _application, null) is { } application)
        {
            await application.DisposeAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _stopping.Dispose();

    private Task RequireKeyAsync(HttpContext context, RequestDelegate next)
    {
        var expected = Encoding.UTF8.GetBytes(configuration["AppHost:ResourceService:ApiKey"]!);
        var given = Encoding.UTF8.GetBytes(context.Request.Headers["x-resource-service-api-key"].ToString());
        if (CryptographicOperations.FixedTimeEquals(expected, given))
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    }
}
