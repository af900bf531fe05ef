using Hello.Compare.Images;

namespace Hello.AppHost.Dashboard;

/// <summary>Says which build a container runs.</summary>
internal sealed record HelloImageAnnotation(HelloImage Image) : IResourceAnnotation;

/// <summary>Finds the builds.</summary>
internal static class HelloImageAnnotationExtensions
{
    /// <summary>The builds among some resources, in their order.</summary>
    public static IEnumerable<(ContainerResource Resource, HelloImage Image)> HelloImages(this IEnumerable<IResource> resources) =>
        from container in resources.OfType<ContainerResource>()
        from annotation in container.Annotations.OfType<HelloImageAnnotation>()
        select (container, annotation.Image);
}
