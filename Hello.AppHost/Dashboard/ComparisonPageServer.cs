using System.Security.Cryptography;
using Hello.Compare.Comparison;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Hello.AppHost.Dashboard;

/// <summary>Serves the page of the comparison, because a browser does not follow a link from the dashboard to a file. It listens on loopback, once it is needed.</summary>
internal sealed class ComparisonPageServer : IAsyncDisposable
{
    /// <summary>Who does not know the path gets no page.</summary>
    private readonly string _path = $"/{RandomNumberGenerator.GetHexString(32)}";

    private readonly Lazy<Task<WebApplication>> _server;

    public ComparisonPageServer(ComparisonFiles files) => _server = new(async () =>
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        server.Run(context =>
            (context.Request.Path == _path ? Results.File(files.Page, "text/html; charset=utf-8") : Results.NotFound()).ExecuteAsync(context));
        await server.StartAsync();
        return server;
    });

    /// <summary>Starts the server unless it runs.</summary>
    /// <returns>The address of the page.</returns>
    public async Task<Uri> StartAsync() => new(new Uri((await _server.Value).Urls.Single()), _path);

    public async ValueTask DisposeAsync() => await (_server.IsValueCreated ? (await _server.Value).DisposeAsync() : default);
}
