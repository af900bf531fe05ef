namespace Hello.ServiceDefaults.Otlp;

/// <summary>Sends the exporter's requests and reports how each ended, because the exporter logs nothing.</summary>
/// <param name="inner">The client of the exporter's package, because nothing else has its certificates; or one with <see cref="PlainHttpHandler"/>.</param>
internal sealed class MonitoredHandler(HttpMessageInvoker inner, OtlpSignal signal) : HttpMessageHandler
{
    /// <summary>The exporter waits for the answer on a thread of its own.</summary>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.FromResult(Send(request, cancellationToken));

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            var response = HttpSupport.IsFull && inner is HttpClient client ? Forward(client, request, cancellationToken) : inner.Send(request, cancellationToken);

            // A receiver of gRPC answers 200 and says in a header that it has refused the request:
            // https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
            signal.Report?.Invoke(
                signal,
                !response.IsSuccessStatusCode ? $"answers with status {(int)response.StatusCode}"
                    : response.Headers.TryGetValues("grpc-status", out var statuses) && statuses.First() is not "0" and var status
                        ? $"answers with gRPC status {status}"
                    : null);
            return response;
        }
        catch (Exception failure)
        {
            var reason = failure is OperationCanceledException ? "gives no answer in time" : $"cannot be reached ({failure.GetBaseException().Message})";
            signal.Report?.Invoke(signal, HttpSupport.IsFull && signal.Proxy is { } proxy ? $"{reason} through the proxy {proxy}" : reason);
            throw;
        }
    }

    /// <summary>Sends a copy, because a client refuses a request that another client has sent. HTTP/2 has no synchronous way.</summary>
    private static HttpResponseMessage Forward(HttpClient client, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var copy = new HttpRequestMessage(request.Method, request.RequestUri) { Content = request.Content };
        (copy.Version, copy.VersionPolicy) = (request.Version, request.VersionPolicy);
        foreach (var (name, values) in request.Headers.NonValidated)
        {
            copy.Headers.TryAddWithoutValidation(name, values);
        }

        return request.Version.Major > 1
            ? client.SendAsync(copy, HttpCompletionOption.ResponseHeadersRead, cancellationToken).GetAwaiter().GetResult()
            : client.Send(copy, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }
}
