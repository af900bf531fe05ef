using System.Globalization;
using System.Net.Sockets;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>An endpoint that a resource listens on, as the model asks for it.</summary>
/// <param name="protocol">TCP; nothing else is called for here.</param>
/// <param name="uriScheme">Scheme of the endpoint's URL.</param>
/// <param name="transport">Transport, where it differs from the scheme.</param>
/// <param name="name">Name, unique for the resource; the scheme unless told otherwise.</param>
/// <param name="port">Port that a caller on the host uses; any free one when null.</param>
/// <param name="targetPort">Port that the resource itself listens on.</param>
/// <param name="isExternal">Whether the endpoint is to be reached from outside the host.</param>
/// <param name="isProxied">Whether the orchestrator stands between the caller and the resource.</param>
public sealed class EndpointAnnotation(
    ProtocolType protocol,
    string? uriScheme = null,
    string? transport = null,
    string? name = null,
    int? port = null,
    int? targetPort = null,
    bool? isExternal = null,
    bool? isProxied = null) : IResourceAnnotation
{
    /// <summary>TCP.</summary>
    public ProtocolType Protocol { get; set; } = protocol;

    /// <summary>Scheme of the endpoint's URL.</summary>
    public string UriScheme { get; set; } = uriScheme ?? "tcp";

    /// <summary>Transport.</summary>
    public string Transport { get; set; } = transport ?? uriScheme ?? "tcp";

    /// <summary>Name, unique for the resource.</summary>
    public string Name { get; set; } = name ?? uriScheme ?? "tcp";

    /// <summary>Port that a caller on the host uses; any free one when null.</summary>
    public int? Port { get; set; } = port;

    /// <summary>Port that the resource itself listens on.</summary>
    public int? TargetPort { get; set; } = targetPort;

    /// <summary>Whether the endpoint is to be reached from outside the host.</summary>
    public bool IsExternal { get; set; } = isExternal ?? false;

    /// <summary>Whether the orchestrator stands between the caller and the resource.</summary>
    public bool IsProxied { get; set; } = isProxied ?? true;

    /// <summary>Where the endpoint is in fact; null until the orchestrator has allocated it.</summary>
    public AllocatedEndpoint? AllocatedEndpoint { get; set; }
}

/// <summary>Where an endpoint is, once it has been allocated.</summary>
/// <param name="endpoint">The endpoint.</param>
/// <param name="address">Host name.</param>
/// <param name="port">Port.</param>
public class AllocatedEndpoint(EndpointAnnotation endpoint, string address, int port)
{
    /// <summary>The endpoint.</summary>
    public EndpointAnnotation Endpoint { get; } = endpoint;

    /// <summary>Host name.</summary>
    public string Address { get; } = address;

    /// <summary>Port.</summary>
    public int Port { get; } = port;

    /// <summary>Scheme of the URL.</summary>
    public string UriScheme => Endpoint.UriScheme;

    /// <summary>The whole URL, without a path.</summary>
    public string UriString => string.Create(CultureInfo.InvariantCulture, $"{UriScheme}://{Address}:{Port}");
}

/// <summary>Names an endpoint of a resource before it is known where it will be.</summary>
/// <param name="owner">The resource.</param>
/// <param name="endpointName">The endpoint's name.</param>
public sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName)
{
    /// <summary>The resource.</summary>
    public IResourceWithEndpoints Resource { get; } = owner;

    /// <summary>The endpoint's name.</summary>
    public string EndpointName { get; } = endpointName;

    /// <summary>What the model says of the endpoint.</summary>
    /// <exception cref="InvalidOperationException">The resource has no endpoint of this name.</exception>
    public EndpointAnnotation EndpointAnnotation => Find()
        ?? throw new InvalidOperationException($"The endpoint `{EndpointName}` is not defined for the resource `{Resource.Name}`.");

    /// <summary>Whether the resource has an endpoint of this name.</summary>
    public bool Exists => Find() is not null;

    /// <summary>Whether it is known where the endpoint is.</summary>
    public bool IsAllocated => Find()?.AllocatedEndpoint is not null;

    /// <summary>Scheme of the URL.</summary>
    public string Scheme => EndpointAnnotation.UriScheme;

    /// <summary>Host name.</summary>
    public string Host => Allocated.Address;

    /// <summary>Port on the host.</summary>
    public int Port => Allocated.Port;

    /// <summary>Port that the resource itself listens on.</summary>
    public int? TargetPort => EndpointAnnotation.TargetPort;

    /// <summary>The whole URL, without a path.</summary>
    /// <exception cref="InvalidOperationException">It is not yet known where the endpoint is.</exception>
    public string Url => Allocated.UriString;

    private AllocatedEndpoint Allocated => EndpointAnnotation.AllocatedEndpoint
        ?? throw new InvalidOperationException($"The endpoint `{EndpointName}` is not allocated for the resource `{Resource.Name}`.");

    private EndpointAnnotation? Find() => Resource.Annotations.OfType<EndpointAnnotation>()
        .FirstOrDefault(e => string.Equals(e.Name, EndpointName, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Endpoints of a resource.</summary>
public static class ResourceExtensions
{
    /// <summary>Names an endpoint, whether it exists or not.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="endpointName">The endpoint's name.</param>
    /// <returns>The reference.</returns>
    public static EndpointReference GetEndpoint(this IResourceWithEndpoints resource, string endpointName) => new(resource, endpointName);
}

/// <summary>A link that the dashboard shows for a resource.</summary>
public sealed class ResourceUrlAnnotation : IResourceAnnotation
{
    /// <summary>The URL; one that is relative is taken from the endpoint's own.</summary>
    public required string Url { get; set; }

    /// <summary>What the link says.</summary>
    public string? DisplayText { get; set; }

    /// <summary>The endpoint that the link belongs to.</summary>
    public EndpointReference? Endpoint { get; init; }

    /// <summary>Where the dashboard shows the link.</summary>
    public UrlDisplayLocation DisplayLocation { get; set; }
}

/// <summary>Where the dashboard shows a link.</summary>
public enum UrlDisplayLocation
{
    /// <summary>In the list of resources and in the details.</summary>
    SummaryAndDetails,

    /// <summary>In the details only.</summary>
    DetailsOnly,
}
