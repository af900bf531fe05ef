using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Describes containers.</summary>
public static class ContainerResourceBuilderExtensions
{
    /// <summary>Adds a container whose image is built from a Dockerfile.</summary>
    /// <param name="builder">The model.</param>
    /// <param name="name">The resource's name.</param>
    /// <param name="contextPath">Build context; relative to the AppHost project.</param>
    /// <param name="dockerfilePath">The Dockerfile; relative to the context.</param>
    /// <param name="stage">The stage to build; the last one when null.</param>
    /// <returns>The container's builder.</returns>
    public static IResourceBuilder<ContainerResource> AddDockerfile(
        this IDistributedApplicationBuilder builder, string name, string contextPath, string? dockerfilePath = null, string? stage = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(contextPath);

        var context = Path.TrimEndingDirectorySeparator(Path.GetFullPath(contextPath, builder.AppHostDirectory));
        var container = builder.AddResource(new ContainerResource(name))
            .WithAnnotation(new DockerfileBuildAnnotation(context, Path.GetFullPath(dockerfilePath ?? "Dockerfile", context), stage))
            .WithAnnotation(new ContainerImageAnnotation
            {
                Image = name.ToLowerInvariant(),
                // A tag of its own at every start, as the published package does; WithImage settles it.
                Tag = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{builder.AppHostDirectory}{DateTime.UtcNow.Ticks}")))[..40],
            });
        LifecycleCommands.AddTo(container);
        return container;
    }

    /// <summary>Passes a build argument to the build of the image.</summary>
    /// <typeparam name="T">The container's type.</typeparam>
    /// <param name="builder">The container.</param>
    /// <param name="name">The argument's name.</param>
    /// <param name="value">Its value; none when null, so that the builder's environment has it.</param>
    /// <returns>The container's builder.</returns>
    /// <exception cref="InvalidOperationException">The image is not built.</exception>
    public static IResourceBuilder<T> WithBuildArg<T>(this IResourceBuilder<T> builder, string name, object? value)
        where T : ContainerResource
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);

        var build = builder.Resource.Annotations.OfType<DockerfileBuildAnnotation>().SingleOrDefault()
            ?? throw new InvalidOperationException("The resource does not have a Dockerfile build annotation. Call WithDockerfile before calling WithBuildArg.");
        build.BuildArguments[name] = value;
        return builder;
    }

    /// <summary>Adds arguments to the engine's command that makes the container.</summary>
    /// <typeparam name="T">The container's type.</typeparam>
    /// <param name="builder">The container.</param>
    /// <param name="args">The arguments.</param>
    /// <returns>The container's builder.</returns>
    public static IResourceBuilder<T> WithContainerRuntimeArgs<T>(this IResourceBuilder<T> builder, params string[] args)
        where T : ContainerResource
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(args);
        return builder.WithAnnotation(new ContainerRuntimeArgsAnnotation(args));
    }

    /// <summary>Settles the name and tag of the image.</summary>
    /// <typeparam name="T">The container's type.</typeparam>
    /// <param name="builder">The container.</param>
    /// <param name="image">Name, which may carry a tag.</param>
    /// <param name="tag">Tag; "latest" when there is none in either place.</param>
    /// <returns>The container's builder.</returns>
    /// <exception cref="InvalidOperationException">There is a tag in both places.</exception>
    public static IResourceBuilder<T> WithImage<T>(this IResourceBuilder<T> builder, string image, string? tag = null)
        where T : ContainerResource
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(image);

        var colon = image.LastIndexOf(':');
        var ownTag = colon > image.LastIndexOf('/') ? image[(colon + 1)..] : null;
        if (ownTag is not null && tag is not null)
        {
            throw new InvalidOperationException("Ambiguous tags - a tag was provided on both the 'tag' and 'image' parameters");
        }

        return builder.WithAnnotation(
            new ContainerImageAnnotation { Image = ownTag is null ? image : image[..colon], Tag = ownTag ?? tag ?? "latest" },
            ResourceAnnotationMutationBehavior.Replace);
    }
}
