namespace Hello.ServiceDefaults.Otlp;

/// <summary>Logs once that telemetry does not arrive, and once that it arrives again. The exporter logs neither.</summary>
internal sealed class ExportMonitor
{
    private readonly Lock _gate = new();
    private readonly HashSet<OtlpSignal> _failing = [];

    /// <summary>Logs why a signal does not arrive: the variable, the address and the reason.</summary>
    public Action<string, string, string>? LogFailure { get; set; }

    /// <summary>Logs that the telemetry of an address arrives again.</summary>
    public Action<string, string>? LogRecovery { get; set; }

    /// <summary>Whether the last export of a signal has failed.</summary>
    public bool IsFailing
    {
        get
        {
            lock (_gate)
            {
                return _failing.Count > 0;
            }
        }
    }

    /// <summary>An export has failed.</summary>
    public void Failed(OtlpSignal signal, string reason)
    {
        lock (_gate)
        {
            var isKnown = _failing.Any(other => IsSame(other, signal));
            if (LogFailure is null || !_failing.Add(signal) || isKnown)
            {
                return;
            }
        }

        LogFailure(signal.EndpointVariable, signal.Address, reason);
    }

    /// <summary>An export has succeeded.</summary>
    public void Succeeded(OtlpSignal signal)
    {
        lock (_gate)
        {
            if (!_failing.Remove(signal) || _failing.Any(other => IsSame(other, signal)))
            {
                return;
            }
        }

        LogRecovery?.Invoke(signal.EndpointVariable, signal.Address);
    }

    // One variable and one receiver are one cause, however many signals they concern.
    private static bool IsSame(OtlpSignal one, OtlpSignal other) => one.EndpointVariable == other.EndpointVariable && one.Address == other.Address;
}

/// <summary>Sends the exporter's requests and reports their results.</summary>
internal sealed class MonitoredHandler(HttpMessageHandler inner, OtlpSignal signal, ExportMonitor monitor) : DelegatingHandler(inner)
{
    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return Report(base.Send(request, cancellationToken));
        }
        catch (Exception failure)
        {
            Report(failure);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return Report(await base.SendAsync(request, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception failure)
        {
            Report(failure);
            throw;
        }
    }

    private void Report(Exception failure) => monitor.Failed(
        signal,
        (failure is OperationCanceledException ? "gives no answer in time" : $"cannot be reached ({failure.GetBaseException().Message})")
            + (signal.Proxy is { } proxy ? $" through the proxy {proxy}" : ""));

    private HttpResponseMessage Report(HttpResponseMessage response)
    {
        // A receiver of gRPC answers 200 and says in a header that it has refused the request:
        // https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
        if (!response.IsSuccessStatusCode)
        {
            monitor.Failed(signal, $"answers with status {(int)response.StatusCode}");
        }
        else if (response.Headers.TryGetValues("grpc-status", out var statuses) && statuses.First() is not "0" and var status)
        {
            monitor.Failed(signal, $"answers with gRPC status {status}");
        }
        else
        {
            monitor.Succeeded(signal);
        }

        return response;
    }
}

/// <summary>Sends with a client that the exporter's package has made, because nothing else has its certificates.</summary>
internal sealed class ForwardingHandler(HttpClient client) : HttpMessageHandler
{
    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
        client.Send(Copy(request), HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        client.SendAsync(Copy(request), HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        client.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>A client refuses a request that another client has sent.</summary>
    private static HttpRequestMessage Copy(HttpRequestMessage request)
    {
        var copy = new HttpRequestMessage(request.Method, request.RequestUri) { Content = request.Content, Version = request.Version, VersionPolicy = request.VersionPolicy };
        foreach (var (name, values) in request.Headers.NonValidated)
        {
            copy.Headers.TryAddWithoutValidation(name, values);
        }

        return copy;
    }
}
