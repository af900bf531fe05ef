#pragma warning disable ASPIRECERTIFICATES001 // WithoutHttpsCertificate is experimental. The pragma can go once it is not.
using System.Reflection;
using Hello.AppHost.Dashboard;
using Hello.Compare.Images;

namespace Hello.AppHost;

/// <summary>Adds builds of the hello API to the model: a Dockerfile, the image made from it and a container that runs it.</summary>
internal static class HelloImageExtensions
{
    // From git, by way of the SDK: "1.0.0+<commit>" and the address that the repository was cloned from.
    // https://learn.microsoft.com/dotnet/core/compatibility/sdk/8.0/source-link
    private static readonly string Revision =
        This.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var commit] ? commit : "";

    private static readonly string Source =
        This.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == "RepositoryUrl")?.Value ?? "";

    private static Assembly This => typeof(HelloImageExtensions).Assembly;

    /// <summary>Adds the build whose Dockerfile is <c>Dockerfile-{name}</c> and whose image is <c>demo-app:0.1-{name}</c>.</summary>
    /// <param name="builder">The application's builder.</param>
    /// <param name="name">The resource's name and the Dockerfile's suffix.</param>
    public static IResourceBuilder<ContainerResource> AddHelloImage(this IDistributedApplicationBuilder builder, string name)
    {
        var image = HelloImage.Of(Path.GetFullPath("..", builder.AppHostDirectory), name);
        return builder
            .AddDockerfile(name, image.Context, image.Dockerfile)
            // Fix the tag. Otherwise Aspire makes a new one at every start and old images pile up.
            .WithImage(HelloImage.Repository, image.Tag)
            .WithAnnotation(new HelloImageAnnotation(image))
            .WithIconName("Box")
            .WithHttpEndpoint(targetPort: HelloImage.Port)
            .WithHttpHealthCheck(HelloImage.HealthPath)
            .WithUrlForEndpoint("http", url =>
            {
                url.Url = HelloImage.HelloPath;
                url.DisplayText = HelloImage.HelloPath;
            })
            .WithImageFacts()
            .WithSayHelloCommand()
            .WithSendLoadCommand()
            .WithCompareImagesCommand()
            .WithBuildArg("REVISION", Revision)
            .WithBuildArg("SOURCE", Source)
            // Plain HTTP: a scratch image has neither a TLS library nor a CA file.
            .WithOtlpExporterIfEndpointAvailable(OtlpProtocol.HttpProtobuf);
    }

    /// <summary>Runs the container with nothing that the API does not need.</summary>
    public static IResourceBuilder<ContainerResource> WithLeastPrivilege(this IResourceBuilder<ContainerResource> container) => container
        .WithContainerRuntimeArgs([.. HelloImage.LeastPrivilege])
        // Aspire copies a developer certificate, if the machine has one, into the container before it starts. The root file
        // system is read-only, so the container would not start. The API speaks plain HTTP and needs neither certificate.
        .WithDeveloperCertificateTrust(false)
        .WithoutHttpsCertificate();
}
