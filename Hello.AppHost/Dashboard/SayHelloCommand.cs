using Hello.Compare.Images;

namespace Hello.AppHost.Dashboard;

/// <summary>Asks for <c>/hello</c> and shows the answer.</summary>
internal static class SayHelloCommand
{
    /// <summary>Aspire's own HTTP commands wait for ever: https://aspire.dev/fundamentals/http-commands/.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    private static readonly HttpClient Client = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = AnswerLimit };

    /// <summary>Offers the command "say-hello".</summary>
    public static IResourceBuilder<ContainerResource> WithSayHelloCommand(this IResourceBuilder<ContainerResource> container) =>
        container.WithCommand("say-hello", "Say hello", context => SayAsync(container.Resource, context.CancellationToken), new()
        {
            Description = "Sends GET /hello and shows the answer",
            IconName = "ChatSparkle",
            IsHighlighted = true,
            UpdateState = context => context.ResourceSnapshot.State?.Text == KnownResourceStates.Running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled,
        });

    private static async Task<ExecuteCommandResult> SayAsync(ContainerResource container, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await Client.GetAsync(new Uri(new(container.GetEndpoint("http").Url), HelloImage.HelloPath), cancellationToken);
            var status = $"HTTP {(int)response.StatusCode} {response.ReasonPhrase}";
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            return response.IsSuccessStatusCode
                ? CommandResults.Success(status, body, CommandResultFormat.Json, displayImmediately: true)
                : CommandResults.Failure($"{container.Name} answered {status}: {body}");
        }
        catch (HttpRequestException e)
        {
            return CommandResults.Failure($"{container.Name} did not answer: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return CommandResults.Failure($"{container.Name} did not answer within {AnswerLimit.TotalSeconds} s. Its console log may say why. Restart it.");
        }
    }
}
