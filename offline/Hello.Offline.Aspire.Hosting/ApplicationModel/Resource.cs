using System.Collections.ObjectModel;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A part of the application: a container here, an executable for the dashboard.</summary>
public interface IResource
{
    /// <summary>The name by which the model, the dashboard and the tests know the resource.</summary>
    string Name { get; }

    /// <summary>What has been said of the resource: image, endpoints, commands, health checks.</summary>
    ResourceAnnotationCollection Annotations { get; }
}

/// <summary>Marks what can be attached to a resource.</summary>
public interface IResourceAnnotation;

/// <summary>The annotations of a resource, in the order they were added.</summary>
public sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>;

/// <summary>A resource that takes environment variables.</summary>
public interface IResourceWithEnvironment : IResource;

/// <summary>A resource that takes arguments.</summary>
public interface IResourceWithArgs : IResource;

/// <summary>A resource that listens on endpoints.</summary>
public interface IResourceWithEndpoints : IResource;

/// <summary>A resource that others can wait for.</summary>
public interface IResourceWithWaitSupport : IResource;

/// <summary>A resource that runs code.</summary>
public interface IComputeResource : IResource;

/// <summary>Base of every resource.</summary>
public abstract class Resource : IResource
{
    /// <summary>Names the resource.</summary>
    /// <param name="name">1 to 64 ASCII letters, digits and single hyphens, starting with a letter.</param>
    /// <exception cref="ArgumentException">The name is not of that form.</exception>
    protected Resource(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var reason = name switch
        {
            { Length: > 64 } => "Name must be between 1 and 64 characters long.",
            _ when !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') => "Name must contain only ASCII letters, digits, and hyphens.",
            _ when !char.IsAsciiLetter(name[0]) => "Name must start with an ASCII letter.",
            _ when name.EndsWith('-') => "Name cannot end with a hyphen.",
            _ when name.Contains("--", StringComparison.Ordinal) => "Name cannot contain consecutive hyphens.",
            _ => null,
        };
        Name = reason is null ? name : throw new ArgumentException($"Resource name '{name}' is invalid. {reason}", nameof(name));
    }

    /// <inheritdoc/>
    public virtual string Name { get; }

    /// <inheritdoc/>
    public virtual ResourceAnnotationCollection Annotations { get; } = [];
}

/// <summary>A container.</summary>
/// <param name="name">The resource's name.</param>
/// <param name="entrypoint">What to run instead of the image's own entry point.</param>
public class ContainerResource(string name, string? entrypoint = null)
    : Resource(name), IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport, IComputeResource
{
    /// <summary>What to run instead of the image's own entry point.</summary>
    public string? Entrypoint { get; set; } = entrypoint;
}

/// <summary>The dashboard's process; a resource like the others, so that its endpoints can be asked for by name.</summary>
internal sealed class DashboardResource() : Resource(KnownName), IResourceWithEndpoints
{
    public const string KnownName = "aspire-dashboard";
    public const string HttpEndpoint = "http";
    public const string OtlpGrpcEndpoint = "otlp-grpc";
    public const string OtlpHttpEndpoint = "otlp-http";
}

/// <summary>The resources of a model.</summary>
public interface IResourceCollection : IList<IResource>;

internal sealed class ResourceCollection : Collection<IResource>, IResourceCollection;

/// <summary>The finished model, as the services of a running application see it.</summary>
/// <param name="resources">All resources.</param>
public class DistributedApplicationModel(IResourceCollection resources)
{
    /// <summary>All resources.</summary>
    public IResourceCollection Resources { get; } = resources;
}

/// <summary>What to do with an annotation of a type that the resource has already.</summary>
public enum ResourceAnnotationMutationBehavior
{
    /// <summary>Keep both.</summary>
    Append,

    /// <summary>Remove the earlier ones.</summary>
    Replace,
}

/// <summary>Describes one resource of the model under construction.</summary>
/// <typeparam name="T">The resource's type.</typeparam>
public interface IResourceBuilder<out T>
    where T : IResource
{
    /// <summary>The model's builder.</summary>
    IDistributedApplicationBuilder ApplicationBuilder { get; }

    /// <summary>The resource.</summary>
    T Resource { get; }

    /// <summary>Attaches an annotation.</summary>
    /// <typeparam name="TAnnotation">The annotation's type.</typeparam>
    /// <param name="annotation">The annotation.</param>
    /// <param name="behavior">What to do with an earlier one of the same type.</param>
    /// <returns>This builder.</returns>
    IResourceBuilder<T> WithAnnotation<TAnnotation>(TAnnotation annotation, ResourceAnnotationMutationBehavior behavior = ResourceAnnotationMutationBehavior.Append)
        where TAnnotation : IResourceAnnotation;
}

internal sealed class ResourceBuilder<T>(IDistributedApplicationBuilder applicationBuilder, T resource) : IResourceBuilder<T>
    where T : IResource
{
    public IDistributedApplicationBuilder ApplicationBuilder => applicationBuilder;

    public T Resource => resource;

    public IResourceBuilder<T> WithAnnotation<TAnnotation>(TAnnotation annotation, ResourceAnnotationMutationBehavior behavior = ResourceAnnotationMutationBehavior.Append)
        where TAnnotation : IResourceAnnotation
    {
        if (behavior == ResourceAnnotationMutationBehavior.Replace)
        {
            foreach (var earlier in resource.Annotations.OfType<TAnnotation>().ToArray())
            {
                resource.Annotations.Remove(earlier);
            }
        }

        resource.Annotations.Add(annotation);
        return this;
    }
}
