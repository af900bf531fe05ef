using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Health;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting;

/// <summary>Describes resources.</summary>
public static class ResourceBuilderExtensions
{
    /// <summary>Adds an HTTP endpoint.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="port">Port on the host; any free one when null.</param>
    /// <param name="targetPort">Port that the resource itself listens on.</param>
    /// <param name="name">The endpoint's name; "http" when null.</param>
    /// <param name="env">Variable that tells the resource its port.</param>
    /// <param name="isProxied">Whether the orchestrator stands in between.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithHttpEndpoint<T>(
        this IResourceBuilder<T> builder, int? port = null, int? targetPort = null, string? name = null, string? env = null, bool? isProxied = null)
        where T : IResourceWithEndpoints
    {
        ArgumentNullException.ThrowIfNull(builder);
        var endpoint = new EndpointAnnotation(ProtocolType.Tcp, uriScheme: "http", name: name, port: port, targetPort: targetPort, isProxied: isProxied);
        if (builder.Resource.GetEndpoint(endpoint.Name).Exists)
        {
            throw new DistributedApplicationException($"Endpoint with name '{endpoint.Name}' already exists. Endpoint name may not have been explicitly specified and was derived automatically from scheme argument (e.g. 'http', 'https', or 'tcp'). Multiple calls to WithEndpoint (and related methods) may result in a conflict if name argument is not specified. Each endpoint must have a unique name. For more information on networking in Aspire see: https://aka.ms/dotnet/aspire/networking");
        }

        if (env is not null && targetPort is { } own)
        {
            builder.WithAnnotation(new EnvironmentAnnotation(env, own.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }

        return builder.WithAnnotation(endpoint);
    }

    /// <summary>Sets a variable of the resource's environment.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="name">The variable's name.</param>
    /// <param name="value">Its value; empty when null.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, string name, string? value)
        where T : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithAnnotation(new EnvironmentAnnotation(name, value ?? ""));
    }

    /// <summary>Has the resource trust the machine's developer certificate, or not.</summary>
    /// <remarks>The stand-in copies no certificate into any container, so that there is nothing to turn off.</remarks>
    /// <typeparam name="TResource">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="trust">Whether to trust it.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<TResource> WithDeveloperCertificateTrust<TResource>(this IResourceBuilder<TResource> builder, bool trust)
        where TResource : IResourceWithEnvironment, IResourceWithArgs
    {
        ArgumentNullException.ThrowIfNull(builder);
        return trust ? throw new NotSupportedException("The stand-in for Aspire copies no certificates: run eng/setup.sh where NuGet has Aspire's packages.") : builder;
    }

    /// <summary>Names an endpoint of the resource.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="name">The endpoint's name.</param>
    /// <returns>The reference.</returns>
    public static EndpointReference GetEndpoint<T>(this IResourceBuilder<T> builder, string name)
        where T : IResourceWithEndpoints
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Resource.GetEndpoint(name);
    }

    /// <summary>Has the resource's health asked for over HTTP.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource, whose endpoint has been added before.</param>
    /// <param name="path">Path; "/" when null.</param>
    /// <param name="statusCode">Status of a healthy answer; 200 when null.</param>
    /// <param name="endpointName">The endpoint; the HTTP one when null.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithHttpHealthCheck<T>(this IResourceBuilder<T> builder, string? path = null, int? statusCode = null, string? endpointName = null)
        where T : IResourceWithEndpoints
    {
        ArgumentNullException.ThrowIfNull(builder);
        path ??= "/";
        statusCode ??= 200;
        var endpoint = HttpEndpoint(builder, endpointName, "HTTP health check");
        var key = $"{builder.Resource.Name}_{endpoint.EndpointName}_{path}_{statusCode}_check";

        builder.ApplicationBuilder.Services.AddHttpClient();
        builder.ApplicationBuilder.Services.AddHealthChecks().Add(new HealthCheckRegistration(
            key,
            services => new HttpEndpointHealthCheck(services.GetRequiredService<IHttpClientFactory>(), endpoint, path, statusCode.Value),
            failureStatus: null,
            tags: null));
        return builder.WithAnnotation(new HealthCheckAnnotation(key));
    }

    /// <summary>Changes the link that the dashboard shows for an endpoint.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="endpointName">The endpoint.</param>
    /// <param name="callback">Changes the link.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithUrlForEndpoint<T>(this IResourceBuilder<T> builder, string endpointName, Action<ResourceUrlAnnotation> callback)
        where T : IResource
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithAnnotation(new UrlCallbackAnnotation(endpointName, callback));
    }

    /// <summary>Gives the resource an icon.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="iconName">Name of a Fluent UI icon.</param>
    /// <param name="iconVariant">Outline or filled.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithIconName<T>(this IResourceBuilder<T> builder, string iconName, IconVariant iconVariant = IconVariant.Filled)
        where T : IResource
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithAnnotation(new ResourceIconAnnotation(iconName, iconVariant), ResourceAnnotationMutationBehavior.Replace);
    }

    /// <summary>Offers a command in the dashboard.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="name">The command's name; an earlier one of the same name is replaced.</param>
    /// <param name="displayName">What the button says.</param>
    /// <param name="executeCommand">What it does.</param>
    /// <param name="commandOptions">How it shows.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithCommand<T>(
        this IResourceBuilder<T> builder,
        string name,
        string displayName,
        Func<ExecuteCommandContext, Task<ExecuteCommandResult>> executeCommand,
        CommandOptions? commandOptions = null)
        where T : IResource
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (builder.Resource.Annotations.OfType<ResourceCommandAnnotation>().FirstOrDefault(c => c.Name == name) is { } earlier)
        {
            builder.Resource.Annotations.Remove(earlier);
        }

        return builder.WithAnnotation(new ResourceCommandAnnotation(name, displayName, commandOptions ?? new(), executeCommand));
    }

    /// <summary>Offers a command in the dashboard that sends an HTTP request to the resource; enabled while it runs.</summary>
    /// <typeparam name="TResource">The resource's type.</typeparam>
    /// <param name="builder">The resource, whose endpoint has been added before.</param>
    /// <param name="path">Path.</param>
    /// <param name="displayName">What the button says.</param>
    /// <param name="endpointName">The endpoint; the HTTP one when null.</param>
    /// <param name="commandName">The command's name; made of endpoint, method and path when null.</param>
    /// <param name="commandOptions">How it asks and shows.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<TResource> WithHttpCommand<TResource>(
        this IResourceBuilder<TResource> builder,
        string path,
        string displayName,
        string? endpointName = null,
        string? commandName = null,
        HttpCommandOptions? commandOptions = null)
        where TResource : IResourceWithEndpoints
    {
        ArgumentNullException.ThrowIfNull(builder);
        var endpoint = HttpEndpoint(builder, endpointName, "HTTP command");
        var options = commandOptions ?? new();
        options.Method ??= HttpMethod.Post;
        options.UpdateState ??= context =>
            context.ResourceSnapshot.State?.Text == KnownResourceStates.Running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;
        commandName ??= $"{endpoint.Resource.Name}-{endpoint.EndpointName}-http-{options.Method.Method.ToLowerInvariant()}-{path}";
        builder.ApplicationBuilder.Services.AddHttpClient();

        return builder.WithCommand(commandName, displayName, SendAsync, options);

        async Task<ExecuteCommandResult> SendAsync(ExecuteCommandContext context)
        {
            if (!endpoint.IsAllocated)
            {
                return CommandResults.Failure("Endpoints are not yet allocated.");
            }

            var client = context.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
            using var request = new HttpRequestMessage(options.Method, new Uri(new Uri(endpoint.Url), path));
            using var response = await client.SendAsync(request, context.CancellationToken).ConfigureAwait(false);
            return options.GetCommandResult is { } getResult
                ? await getResult(new()
                {
                    Services = context.Services,
                    ResourceName = context.ResourceName,
                    Endpoint = endpoint,
                    CancellationToken = context.CancellationToken,
                    HttpClient = client,
                    Response = response,
                }).ConfigureAwait(false)
                : response.IsSuccessStatusCode
                    ? CommandResults.Success()
                    : CommandResults.Failure($"Request failed with status code {response.StatusCode}");
        }
    }

    private static EndpointReference HttpEndpoint<T>(IResourceBuilder<T> builder, string? endpointName, string purpose)
        where T : IResourceWithEndpoints
    {
        var endpoint = builder.GetEndpoint(endpointName ?? "http");
        return !endpoint.Exists
            ? throw new DistributedApplicationException($"Could not create {purpose} for resource '{builder.Resource.Name}' as no endpoint was found matching one of the specified names: {endpoint.EndpointName}")
            : endpoint.Scheme is "http" or "https"
                ? endpoint
                : throw new DistributedApplicationException($"Could not create {purpose} for resource '{builder.Resource.Name}' as the endpoint with name '{endpoint.EndpointName}' and scheme '{endpoint.Scheme}' is not an HTTP endpoint.");
    }
}
