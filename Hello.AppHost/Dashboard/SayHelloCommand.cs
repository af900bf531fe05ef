namespace Hello.AppHost.Dashboard;

/// <summary>Asks for <c>/hello</c> and shows what came back.</summary>
internal static class SayHelloCommand
{
    /// <summary>Offers the command, as "say-hello".</summary>
    /// <param name="container">The resource.</param>
    /// <returns>Its builder.</returns>
    public static IResourceBuilder<ContainerResource> WithSayHelloCommand(this IResourceBuilder<ContainerResource> container) =>
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
