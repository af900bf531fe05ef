using Hello.AppHost.Dashboard;

namespace Hello.AppHost;

/// <summary>One build of the hello API.</summary>
/// <param name="Name">Name of the resource, suffix of the Dockerfile and of the tag.</param>
/// <param name="Context">The build context, a folder.</param>
/// <param name="Dockerfile">The Dockerfile.</param>
/// <param name="Reference">Name and tag of the image.</param>
internal sealed record HelloImage(string Name, string Context, string Dockerfile, string Reference) : IResourceAnnotation;

/// <summary>Adds builds of the hello API to the model: a Dockerfile, the image made from it and a container that runs it.</summary>
internal static class HelloImageExtensions
{
    private const string Repository = "demo-app";
    private const string Version = "0.1";

    /// <summary>Adds the build whose Dockerfile is <c>Dockerfile-{name}</c> and whose image is <c>demo-app:0.1-{name}</c>.</summary>
    /// <param name="builder">The application's builder.</param>
    /// <param name="name">The resource's name and the Dockerfile's suffix.</param>
    /// <returns>The container's builder.</returns>
    public static IResourceBuilder<ContainerResource> AddHelloImage(this IDistributedApplicationBuilder builder, string name)
    {
        var context = Path.GetFullPath("..", builder.AppHostDirectory);
        var image = new HelloImage(name, context, Path.Combine(context, $"Dockerfile-{name}"), $"{Repository}:{Version}-{name}");
        return builder
            .AddDockerfile(name, image.Context, image.Dockerfile)
            // Settled, or every start would leave an image with a tag of its own behind.
            .WithImage(Repository, $"{Version}-{name}")
            .WithAnnotation(image)
            .WithIconName("Box")
            .WithHttpEndpoint(targetPort: 8080)
            .WithHttpHealthCheck("/health")
            .WithUrlForEndpoint("http", url =>
            {
                url.Url = "/hello";
                url.DisplayText = "/hello";
            })
            .WithImageFacts()
            .WithSayHelloCommand()
            .WithSendLoadCommand()
            .WithCompareImagesCommand()
            // Plain HTTP: a scratch image has neither a TLS library nor a CA file.
            .WithOtlpExporter(OtlpProtocol.HttpProtobuf);
    }
}
