using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Health;

/// <summary>Asks an endpoint for its health.</summary>
internal sealed class HttpEndpointHealthCheck(IHttpClientFactory clients, EndpointReference endpoint, string path, int statusCode) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!endpoint.IsAllocated)
        {
            return HealthCheckResult.Unhealthy("The endpoint is not yet allocated.");
        }

        try
        {
            using var response = await clients.CreateClient(HttpClientName).GetAsync(new Uri(new Uri(endpoint.Url), path), cancellationToken).ConfigureAwait(false);
            return (int)response.StatusCode == statusCode
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy($"{endpoint.Url}{path} answered {(int)response.StatusCode} instead of {statusCode}.");
        }
        catch (HttpRequestException e)
        {
            return HealthCheckResult.Unhealthy($"Request to {endpoint.Url}{path} failed.", e);
        }
    }

    /// <summary>A client with a name of its own, so that its log lines can be left out.</summary>
    public const string HttpClientName = "health-checks";
}
