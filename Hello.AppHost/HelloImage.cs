namespace Hello.AppHost;

/// <summary>One build of the hello API: a Dockerfile, the image made from it and a container that runs it.</summary>
internal static class HelloImage
{
    private const string Name = "demo-app";
    private const string Version = "0.1";

    /// <summary>Adds the build whose Dockerfile is <c>Dockerfile-{name}</c> and whose image is <c>demo-app:0.1-{name}</c>.</summary>
    /// <param name="builder">The application's builder.</param>
    /// <param name="name">The resource's name and the Dockerfile's suffix.</param>
    /// <returns>The container's builder.</returns>
    public static IResourceBuilder<ContainerResource> AddHelloImage(this IDistributedApplicationBuilder builder, string name) => builder
        .AddDockerfile(name, "..", $"Dockerfile-{name}")
        // Settled, or every start would leave an image with a tag of its own behind.
        .WithImage(Name, $"{Version}-{name}")
        .WithIconName("Box")
        .WithHttpEndpoint(targetPort: 8080)
        .WithHttpHealthCheck("/health")
        .WithUrlForEndpoint("http", url =>
        {
            url.Url = "/hello";
            url.DisplayText = "/hello";
        })
        .WithSayHelloCommand()
        // Plain HTTP: a scratch image has neither a TLS library nor a CA file.
        .WithOtlpExporter(OtlpProtocol.HttpProtobuf);

    /// <summary>Offers a command that asks for <c>/hello</c> and shows what came back.</summary>
    private static IResourceBuilder<ContainerResource> WithSayHelloCommand(this IResourceBuilder<ContainerResource> container) =>
        container.WithHttpCommand("/hello", "Say hello", commandName: "say-hello", commandOptions: new()
        {
            Method = HttpMethod.Get,
            Description = "Sends GET /hello and shows the answer",
            IconName = "ChatSparkle",
            IsHighlighted = true,
            GetCommandResult = async context =>
            {
                var status = $"HTTP {(int)context.Response.StatusCode} {context.Response.ReasonPhrase}";
                var body = await context.Response.Content.ReadAsStringAsync(context.CancellationToken);
                return context.Response.IsSuccessStatusCode
                    ? CommandResults.Success(status, body, CommandResultFormat.Json, displayImmediately: true)
                    : CommandResults.Failure($"GET /hello answered {status}: {body}");
            },
        });
}
