using System.Security.Cryptography;
using Hello.Compare.Comparison;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Hello.AppHost.Dashboard;

/// <summary>Serves the page of the comparison, because a browser does not follow a link from the dashboard to a file. It listens on loopback, once it is needed.</summary>
internal sealed class ComparisonPageServer(ComparisonFiles files) : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1);

    /// <summary>Who does not know the path gets no page.</summary>
    private readonly string _path = $"/{RandomNumberGenerator.GetHexString(32)}";

    private WebApplication? _server;

    /// <summary>Starts the server unless it runs.</summary>
    /// <returns>The address of the page.</returns>
    public async Task<Uri> StartAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_server is null)
            {
                var builder = WebApplication.CreateEmptyBuilder(new());
                builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
                builder.Logging.ClearProviders();
                var server = builder.Build();
                server.Run(context =>
                    (context.Request.Path == _path ? Results.File(files.Page, "text/html; charset=utf-8") : Results.NotFound()).ExecuteAsync(context));
                await server.StartAsync(cancellationToken);
                _server = server;
            }
        }
        finally
        {
            _starting.Release();
        }

        return new(new Uri(_server.Urls.Single()), _path);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _starting.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }
}
