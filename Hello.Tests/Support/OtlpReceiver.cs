namespace Hello.Tests;

/// <summary>An export of telemetry as it arrived.</summary>
/// <param name="Path">"/v1/traces", "/v1/metrics" or "/v1/logs".</param>
/// <param name="Headers">The lines below the first.</param>
/// <param name="Connection">Number of the connection that it came over.</param>
internal sealed record OtlpExport(string Path, string[] Headers, byte[] Body, int Connection);

/// <summary>Receives OTLP over HTTP on loopback. It answers what the test wants, even something wrong.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<OtlpExport, string?> _answer;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    /// <param name="answer">The whole answer to an export; null if it never answers.</param>
    public OtlpReceiver(Func<OtlpExport, string?> answer, int port = 0)
    {
        _answer = answer;
        _listener = new(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The paths that the signals are sent to, sorted.</summary>
    public static readonly string[] Signals = ["/v1/logs", "/v1/metrics", "/v1/traces"];

    public const string Ok = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>All exports that have arrived, whatever the answer was.</summary>
    public ConcurrentQueue<OtlpExport> Exports { get; } = [];

    /// <summary>The connections by their numbers. A test may send over one, or close it.</summary>
    public ConcurrentDictionary<int, TcpClient> Connections { get; } = [];

    public TimeSpan Delay { get; set; }

    public string[] Options => OptionsFor(Port);

    /// <summary>The variables that make a container export to a port of loopback, every 0.2 s.</summary>
    public static string[] OptionsFor(int port) =>
    [
        "--env", $"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{port}",
        "--env", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "--env", "OTEL_BSP_SCHEDULE_DELAY=200", "--env", "OTEL_BLRP_SCHEDULE_DELAY=200", "--env", "OTEL_METRIC_EXPORT_INTERVAL=200",
    ];

    /// <summary>The exports once they are right, or after a minute.</summary>
    public Task<OtlpExport[]> WaitAsync(Func<OtlpExport[], bool> isRight) =>
        CommandLine.PollAsync(() => Task.FromResult(Exports.ToArray()), isRight, TimeSpan.FromMinutes(1));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        for (var connection = 1; ; connection++)
        {
            Connections[connection] = await _listener.AcceptTcpClientAsync(_stopping.Token);
            _ = AnswerAsync(Connections[connection], connection);
        }
    }

    /// <summary>Ends in an error that nobody needs if the exporter or the test closes the connection, or the test is over.</summary>
    private async Task AnswerAsync(TcpClient client, int connection)
    {
        using (client)
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.Latin1);
            while (true)
            {
                var export = await ReadAsync(reader, connection);
                Exports.Enqueue(export);
                var answer = _answer(export);
                await Task.Delay(answer is null ? Timeout.InfiniteTimeSpan : Delay, _stopping.Token);
                await stream.WriteAsync(Encoding.Latin1.GetBytes(answer!), _stopping.Token);
            }
        }
    }

    private async Task<OtlpExport> ReadAsync(StreamReader reader, int connection)
    {
        // POST /v1/traces HTTP/1.1
        // Content-Length: 1234
        List<string> lines = [];
        while (lines is not [.., ""])
        {
            lines.Add(await reader.ReadLineAsync(_stopping.Token) ?? throw new EndOfStreamException());
        }

        var length = lines.Single(l => l.StartsWith("Content-Length: ", StringComparison.Ordinal)).Split(' ')[1];
        var body = new char[int.Parse(length, CultureInfo.InvariantCulture)];
        await reader.ReadBlockAsync(body, _stopping.Token);
        return new(lines[0].Split(' ')[1], [.. lines[1..^1]], Encoding.Latin1.GetBytes(body), connection);
    }
}
