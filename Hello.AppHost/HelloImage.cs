#pragma warning disable ASPIRECERTIFICATES001 // WithoutHttpsCertificate is experimental; the pragma can go once it is not.
using System.Reflection;
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

    // Nearly twice the memory and four times the threads, which count as processes, that eng/benchmark sees over 256 connections, and
    // room for what OverloadTests.cs does.
    private const string MemoryLimit = "96m";
    private const string ProcessLimit = "64";

    // From git, by way of the SDK: "1.0.0+<commit>" and the address that the repository was cloned from.
    // https://learn.microsoft.com/dotnet/core/compatibility/sdk/8.0/source-link
    private static readonly string Revision = typeof(HelloImage).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var commit] ? commit : "";

    private static readonly string Source = typeof(HelloImage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == "RepositoryUrl")?.Value ?? "";

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
            .WithBuildArg("REVISION", Revision)
            .WithBuildArg("SOURCE", Source)
            // Plain HTTP: a scratch image has neither a TLS library nor a CA file.
            .WithOtlpExporter(OtlpProtocol.HttpProtobuf);
    }

    /// <summary>Runs the container with nothing that the API does not need: what breaks into it finds little to break.</summary>
    /// <param name="container">A container that answers without any of it.</param>
    /// <returns>The container's builder.</returns>
    public static IResourceBuilder<ContainerResource> WithLeastPrivilege(this IResourceBuilder<ContainerResource> container) => container
        .WithContainerRuntimeArgs(
            "--read-only",
            // In place of the engine's own, which root may write to and which brings /dev/shm and /dev/mqueue, where anybody may.
            "--tmpfs", "/dev:ro,dev,noexec,mode=755,size=64k",
            "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges",
            // No swap besides.
            "--memory", MemoryLimit,
            "--memory-swap", MemoryLimit,
            "--pids-limit", ProcessLimit)
        // Aspire copies a developer certificate, if the machine has one, into the container before it starts. The root file
        // system is read-only, so the container would not start. The API speaks plain http and needs neither certificate.
        .WithDeveloperCertificateTrust(false)
        .WithoutHttpsCertificate();
}
