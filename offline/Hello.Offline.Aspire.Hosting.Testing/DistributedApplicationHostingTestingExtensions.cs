using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>Reaches the resources of a started application.</summary>
public static class DistributedApplicationHostingTestingExtensions
{
    /// <summary>A client that talks to a resource.</summary>
    /// <param name="app">The started application.</param>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="endpointName">The endpoint; https or else http when null.</param>
    /// <returns>The client.</returns>
    /// <exception cref="ArgumentException">There is no such resource or endpoint.</exception>
    public static HttpClient CreateHttpClient(this DistributedApplication app, string resourceName, string? endpointName = default)
    {
        var client = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
        client.BaseAddress = GetEndpoint(app, resourceName, endpointName);
        return client;
    }

    /// <summary>Where a resource listens.</summary>
    /// <param name="app">The started application.</param>
    /// <param name="resourceName">The resource's name.</param>
    /// <param name="endpointName">The endpoint; https or else http when null.</param>
    /// <returns>The endpoint's URL.</returns>
    /// <exception cref="ArgumentException">There is no such resource or endpoint.</exception>
    public static Uri GetEndpoint(this DistributedApplication app, string resourceName, string? endpointName = default)
    {
        ArgumentNullException.ThrowIfNull(app);
        ArgumentException.ThrowIfNullOrEmpty(resourceName);
        if (!app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.IsCancellationRequested)
        {
            throw new InvalidOperationException("The application must be started before resolving endpoints or connection strings.");
        }

        var resource = app.Services.GetRequiredService<DistributedApplicationModel>().Resources
            .FirstOrDefault(r => string.Equals(r.Name, resourceName, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"Resource '{resourceName}' not found.", nameof(resourceName));
        if (resource is not IResourceWithEndpoints withEndpoints)
        {
            throw new ArgumentException($"Resource '{resourceName}' has no allocated endpoints.", nameof(resourceName));
        }

        string[] names = string.IsNullOrEmpty(endpointName) ? ["https", "http"] : [endpointName];
        var endpoint = names.Select(withEndpoints.GetEndpoint).FirstOrDefault(e => e.IsAllocated)
            ?? throw new ArgumentException($"Endpoint '{endpointName}' for resource '{resourceName}' not found.", nameof(endpointName));
        return new(endpoint.Url);
    }
}
