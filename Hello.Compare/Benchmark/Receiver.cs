using System.Net.Http.Json;
using CliWrap;
using Hello.Compare.Engine;

namespace Hello.Compare.Benchmark;

/// <summary>Numbers of received spans, metrics and log records.</summary>
internal sealed record Received(long Spans, long Metrics, long LogRecords)
{
    public static Received operator -(Received all, Received before) =>
        new(all.Spans - before.Spans, all.Metrics - before.Metrics, all.LogRecords - before.LogRecords);
}

/// <summary>Runs receiver.go, which receives telemetry over http/protobuf and counts it.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly CancellationTokenSource _end;
    private readonly Task _program;
    private readonly HttpClient _client;

    private Receiver(CancellationTokenSource end, Task program, string address)
    {
        (_end, _program, Endpoint) = (end, program, $"http://{address}");
        _client = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new(Endpoint) };
    }

    /// <summary>The address for <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>.</summary>
    public string Endpoint { get; }

    /// <summary>Starts the receiver and waits until it listens.</summary>
    /// <exception cref="MeasurementException">The receiver ended before it listened.</exception>
    public static async Task<Receiver> StartAsync(string program, CancellationToken cancellationToken)
    {
        var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var address = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var error = "";
        var running = ProgramRunner.Start(
            Cli.Wrap(program).WithStandardOutputPipe(PipeTarget.ToDelegate(line => address.TrySetResult(line))).WithStandardErrorPipe(PipeTarget.ToDelegate(line => error = line)),
            end.Token);
        if (await Task.WhenAny(address.Task, running.Task) == address.Task)
        {
            return new(end, running.Task, await address.Task);
        }

        end.Dispose();
        throw new MeasurementException($"The telemetry receiver, receiver.go, ended with {(await running).ExitCode}: {error}");
    }

    /// <summary>Counts the telemetry received since the start of the receiver.</summary>
    /// <exception cref="MeasurementException">The receiver does not answer.</exception>
    public async Task<Received> CountAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _client.GetFromJsonAsync<Received>(new Uri("/received", UriKind.Relative), cancellationToken))!;
        }
        catch (HttpRequestException e)
        {
            throw new MeasurementException($"The telemetry receiver, receiver.go, does not answer: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _end.CancelAsync();
        await _program.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }
}
