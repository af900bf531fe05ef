using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;

namespace Hello.Tests;

/// <summary>Asks an AppHost what the dashboard asks it.</summary>
/// <remarks>gRPC in the few bytes that it takes: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.</remarks>
/// <param name="address">Where it listens.</param>
/// <param name="key">The key; none when null.</param>
public sealed class ResourceService(Uri address, string? key) : IDisposable
{
    /// <summary>What there is at the time of the question comes within it; what changes later is no answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly HttpClient _client = new() { BaseAddress = address };

    /// <summary>Asks for the application's name.</summary>
    /// <returns>The status, and the name where it is told.</returns>
    public async Task<(HttpStatusCode Status, string? Name)> ApplicationNameAsync()
    {
        using var answer = await AskAsync("GetApplicationInformation", []);
        await foreach (var message in MessagesAsync(answer))
        {
            // message ApplicationInformationResponse { string application_name = 1; }
            return (answer.StatusCode, Texts(message, 1).SingleOrDefault());
        }

        return (answer.StatusCode, null);
    }

    /// <summary>Asks for the state of every resource.</summary>
    /// <returns>The last state of each, by its name in the model, and its ID.</returns>
    public async Task<Dictionary<string, (string State, string Id)>> StatesAsync()
    {
        Dictionary<string, (string, string)> states = [];
        using var answer = await AskAsync("WatchResources", []);
        await foreach (var message in MessagesAsync(answer.EnsureSuccessStatusCode()))
        {
            // message WatchResourcesUpdate { InitialResourceData initial_data = 1; WatchResourcesChanges changes = 2; }
            // message InitialResourceData { repeated Resource resources = 1; }
            // message WatchResourcesChanges { repeated WatchResourcesChange value = 1; } message WatchResourcesChange { Resource upsert = 2; }
            // message Resource { string name = 1; string display_name = 3; string state = 5; }
            var resources = Parts(message, 1).SelectMany(d => Parts(d, 1)).Concat(Parts(message, 2).SelectMany(c => Parts(c, 1)).SelectMany(c => Parts(c, 2)));
            foreach (var resource in resources)
            {
                states[Texts(resource, 3).Single()] = (Texts(resource, 5).SingleOrDefault("unknown"), Texts(resource, 1).Single());
            }
        }

        return states;
    }

    /// <summary>Asks for the console log of a resource.</summary>
    /// <param name="id">The resource's ID.</param>
    /// <returns>The lines so far.</returns>
    public async Task<string[]> ConsoleLogAsync(string id)
    {
        // message WatchResourceConsoleLogsRequest { string resource_name = 1; }
        List<string> lines = [];
        using var answer = await AskAsync("WatchResourceConsoleLogs", [1 << 3 | 2, (byte)id.Length, .. Encoding.ASCII.GetBytes(id)]);
        await foreach (var message in MessagesAsync(answer.EnsureSuccessStatusCode()))
        {
            // message WatchResourceConsoleLogsUpdate { repeated ConsoleLogLine log_lines = 1; } message ConsoleLogLine { string text = 1; }
            lines.AddRange(Parts(message, 1).SelectMany(line => Texts(line, 1)));
        }

        return [.. lines];
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>A call over HTTP/2 without TLS, with which nothing can be negotiated.</summary>
    /// <param name="path">The service and its method.</param>
    /// <param name="message">The message, in protobuf.</param>
    /// <returns>The request.</returns>
    internal static HttpRequestMessage GrpcRequest(string path, byte[] message)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, message.Length);
        return new(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Headers = { TE = { new("trailers") } },
            Content = new ByteArrayContent([0, .. length, .. message]) { Headers = { ContentType = new("application/grpc") } },
        };
    }

    private async Task<HttpResponseMessage> AskAsync(string method, byte[] message)
    {
        using var request = GrpcRequest($"/aspire.v1.DashboardService/{method}", message);
        if (key is not null)
        {
            request.Headers.Add("x-resource-service-api-key", key);
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
    }

    /// <summary>The messages so far; each has a byte of flags and its length in front.</summary>
    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> MessagesAsync(HttpResponseMessage answer)
    {
        using var patience = new CancellationTokenSource(Patience);
        await using var stream = await answer.Content.ReadAsStreamAsync(patience.Token);
        var head = new byte[5];
        while (await ReadAsync(head))
        {
            var message = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
            if (!await ReadAsync(message))
            {
                break;
            }

            yield return message;
        }

        async Task<bool> ReadAsync(byte[] buffer)
        {
            try
            {
                return await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, patience.Token) == buffer.Length;
            }
            catch (OperationCanceledException)
            {
                return false; // It is up to date.
            }
        }
    }

    private static IEnumerable<string> Texts(ReadOnlyMemory<byte> message, int number) => Parts(message, number).Select(p => Encoding.UTF8.GetString(p.Span));

    /// <summary>The strings and messages in a field of a message: https://protobuf.dev/programming-guides/encoding/.</summary>
    private static IEnumerable<ReadOnlyMemory<byte>> Parts(ReadOnlyMemory<byte> message, int number)
    {
        var i = 0;
        while (i < message.Length)
        {
            var tag = Varint();
            switch (tag & 7)
            {
                case 0:
                    Varint();
                    break;
                case 1:
                    i += 8;
                    break;
                case 2:
                    var length = Varint();
                    if (tag >> 3 == number)
                    {
                        yield return message.Slice(i, length);
                    }

                    i += length;
                    break;
                case 5:
                    i += 4;
                    break;
                default:
                    throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"No field of protobuf has the tag {tag}."));
            }
        }

        int Varint()
        {
            var value = 0L;
            for (var shift = 0; ; shift += 7)
            {
                var b = message.Span[i++];
                value |= (long)(b & 0x7F) << shift;
                if (b < 0x80)
                {
                    return (int)value;
                }
            }
        }
    }
}
