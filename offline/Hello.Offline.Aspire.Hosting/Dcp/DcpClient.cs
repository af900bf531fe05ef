using System.Net;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using k8s;

namespace Aspire.Hosting.Dcp;

/// <summary>Speaks DCP's API.</summary>
/// <remarks>KubernetesClient reads the kubeconfig and sets up TLS and the token; the requests themselves are plain HTTP and JSON.</remarks>
internal sealed class DcpClient : IDisposable
{
    public const string Group = "usvc-dev.developer.microsoft.com/v1";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private readonly Kubernetes _kubernetes;

    private DcpClient(Kubernetes kubernetes) => _kubernetes = kubernetes;

    /// <summary>Waits until DCP has written its kubeconfig, and connects.</summary>
    public static async Task<DcpClient> ConnectAsync(FileInfo kubeconfig, CancellationToken cancellationToken)
    {
        // DCP writes the file in one go once it listens, but creates it a moment before.
        for (; ; kubeconfig.Refresh())
        {
            if (kubeconfig is { Exists: true, Length: > 0 })
            {
                var configuration = await KubernetesClientConfiguration.BuildConfigFromConfigFileAsync(kubeconfig).ConfigureAwait(false);
                return new(new Kubernetes(configuration));
            }

            await Task.Delay(50, cancellationToken).ConfigureAwait(false);
        }
    }

    public async Task<DcpObject<TSpec, TStatus>> CreateAsync<TSpec, TStatus>(DcpKind<TSpec, TStatus> kind, DcpObject<TSpec, TStatus> value, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Post, Path(kind), value, "application/json", cancellationToken).ConfigureAwait(false);
        return await ReadAsync<DcpObject<TSpec, TStatus>>(response, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns null when there is no such object.</summary>
    public async Task<DcpObject<TSpec, TStatus>?> FindAsync<TSpec, TStatus>(DcpKind<TSpec, TStatus> kind, string name, CancellationToken cancellationToken)
    {
        using var response = await SendAsync<object>(HttpMethod.Get, Path(kind, name), null, "", cancellationToken).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.NotFound ? null : await ReadAsync<DcpObject<TSpec, TStatus>>(response, cancellationToken).ConfigureAwait(false);
    }

    public async Task DeleteAsync<TSpec, TStatus>(DcpKind<TSpec, TStatus> kind, string name, CancellationToken cancellationToken)
    {
        using var response = await SendAsync<object>(HttpMethod.Delete, Path(kind, name), null, "", cancellationToken).ConfigureAwait(false);
        while (await FindAsync(kind, name, cancellationToken).ConfigureAwait(false) is not null)
        {
            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }

    public async Task StopContainerAsync(string name, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(
            HttpMethod.Patch,
            Path(DcpKinds.Container, name),
            new[] { new { op = "replace", path = "/spec/stop", value = true } },
            "application/json-patch+json",
            cancellationToken).ConfigureAwait(false);
        await ThrowUnlessSuccessAsync(response, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The present objects, then every change, until cancelled or DCP has gone.</summary>
    public async IAsyncEnumerable<(bool Deleted, DcpObject<TSpec, TStatus> Object)> WatchAsync<TSpec, TStatus>(
        DcpKind<TSpec, TStatus> kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // One line an event: {"type":"ADDED","object":{…}}
        await foreach (var line in ReadLinesAsync($"{Path(kind)}?watch=true", cancellationToken).ConfigureAwait(false))
        {
            var change = JsonSerializer.Deserialize<WatchEvent<DcpObject<TSpec, TStatus>>>(line, Json)!;
            if (change.Type is "ADDED" or "MODIFIED" or "DELETED")
            {
                yield return (change.Type == "DELETED", change.Object);
            }
        }
    }

    /// <summary>The lines that an object has written and writes, each with its time in front.</summary>
    public IAsyncEnumerable<string> FollowLogAsync<TSpec, TStatus>(DcpKind<TSpec, TStatus> kind, string name, string source, CancellationToken cancellationToken) =>
        ReadLinesAsync($"{Path(kind, name)}/log?follow=true&timestamps=true&source={source}", cancellationToken);

    /// <summary>Removes every container and network and ends every process, then ends DCP.</summary>
    public async Task ShutDownAsync(CancellationToken cancellationToken)
    {
        await SetExecutionAsync("CleaningResources").ConfigureAwait(false);
        while ((await GetExecutionAsync().ConfigureAwait(false)).Status != "CleanupComplete")
        {
            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }

        await SetExecutionAsync("Stopping").ConfigureAwait(false);

        async Task SetExecutionAsync(string status)
        {
            using var response = await SendAsync(
                HttpMethod.Patch, "admin/execution", new Execution(status, "Full"), "application/merge-patch+json", cancellationToken).ConfigureAwait(false);
            await ThrowUnlessSuccessAsync(response, cancellationToken).ConfigureAwait(false);
        }

        async Task<Execution> GetExecutionAsync()
        {
            using var response = await SendAsync<object>(HttpMethod.Get, "admin/execution", null, "", cancellationToken).ConfigureAwait(false);
            return await ReadAsync<Execution>(response, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _kubernetes.Dispose();

    private static string Path<TSpec, TStatus>(DcpKind<TSpec, TStatus> kind, string? name = null) =>
        $"apis/{Group}/{kind.Plural}{(name is null ? "" : $"/{name}")}";

    private async Task<HttpResponseMessage> SendAsync<T>(HttpMethod method, string path, T? body, string contentType, CancellationToken cancellationToken, HttpCompletionOption completion = HttpCompletionOption.ResponseContentRead)
    {
        using var request = new HttpRequestMessage(method, new Uri(_kubernetes.BaseUri, path));
        if (body is not null)
        {
            // DCP refuses a media type with a charset.
            request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, Json)) { Headers = { ContentType = new(contentType) } };
        }

        if (_kubernetes.Credentials is { } credentials)
        {
            await credentials.ProcessHttpRequestAsync(request, cancellationToken).ConfigureAwait(false);
        }

        return await _kubernetes.HttpClient.SendAsync(request, completion, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<string> ReadLinesAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await SendAsync<object>(HttpMethod.Get, path, null, "", cancellationToken, HttpCompletionOption.ResponseHeadersRead).ConfigureAwait(false);
        await ThrowUnlessSuccessAsync(response, cancellationToken).ConfigureAwait(false);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
        while (await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            yield return line;
        }
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await ThrowUnlessSuccessAsync(response, cancellationToken).ConfigureAwait(false);
        return (await response.Content.ReadFromJsonAsync<T>(Json, cancellationToken).ConfigureAwait(false))!;
    }

    private static async Task ThrowUnlessSuccessAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (!response.IsSuccessStatusCode)
        {
            var body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            throw new DistributedApplicationException(
                $"DCP answered {(int)response.StatusCode} to {response.RequestMessage?.Method} {response.RequestMessage?.RequestUri?.AbsolutePath}: {body}");
        }
    }

    private sealed record WatchEvent<T>(string Type, T Object);

    private sealed record Execution(string Status, string? ShutdownResourceCleanup);
}
