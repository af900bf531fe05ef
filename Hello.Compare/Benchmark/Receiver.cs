using System.Net.Http.Json;
using CliWrap;

namespace Hello.Compare.Benchmark;

internal sealed record Received(long Spans, long Metrics, long LogRecords)
{
    public static Received operator -(Received all, Received before) =>
        new(all.Spans - before.Spans, all.Metrics - before.Metrics, all.LogRecords - before.LogRecords);
}

/// <summary>Runs receiver.go, which receives telemetry over http/protobuf and counts it.</summary>
internal sealed class Receiver(string endpoint, CommandTask<CommandResult> program, CancellationTokenSource end) : IAsyncDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false });

    /// <summary>The address for <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>.</summary>
    public string Endpoint => endpoint;

    public static async Task<Receiver> StartAsync(string program, CancellationToken cancellationToken)
    {
        var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var address = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var error = "";
        var command = Cli.Wrap(program)
            .WithStandardOutputPipe(PipeTarget.ToDelegate(line => address.TrySetResult(line)))
            .WithStandardErrorPipe(PipeTarget.ToDelegate(line => error = line));
        var running = ProgramRunner.Start(command, end.Token);
        return await Task.WhenAny(address.Task, running.Task) == address.Task
            ? new($"http://{await address.Task}", running, end)
            : throw new MeasurementException($"The telemetry receiver, receiver.go, ended with {(await running).ExitCode}: {error}");
    }

    public async Task<Received> CountAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _client.GetFromJsonAsync<Received>(new Uri($"{endpoint}/received"), cancellationToken))!;
        }
        catch (HttpRequestException e)
        {
            throw new MeasurementException($"The telemetry receiver, receiver.go, does not answer: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await end.CancelAsync();
        await ((Task)program.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        end.Dispose();
    }
}
