using System.Globalization;
using System.Net;
using System.Text.Json;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Hello.Compare.Probe;

namespace Hello.Compare.Benchmark;

/// <summary>Measures the starts of all candidates in turns, then loads on them in turns, and writes the figures as Markdown.</summary>
/// <param name="folder">The folder of the benchmark's Go files.</param>
/// <param name="runs">Number of loads on each candidate.</param>
/// <param name="starts">Number of starts of each candidate without a load.</param>
/// <param name="progress">Receives one line about each step.</param>
/// <param name="error">Receives one line about each container that could not be removed.</param>
internal sealed class BenchmarkRun(string root, string folder, int runs, int starts, Action<string> progress, Action<string> error)
{
    private const string Go = "go";
    private const string Floor = "floor";

    /// <summary>The name of the image that the others are compared with beside Go.</summary>
    private const string Against = "against";

    private const string CompressedSize = "Compressed size, B";
    private const string Start = "Exec to first hello, ms";
    private const string IdleMemory = "Memory idle, MB";
    private const string Rate = "Requests per second on one core, 32 connections";
    private const string SlowestLatency = "Latency p99 on one core, 32 connections, ms";

    /// <summary>The figures that matter to a user who pulls, starts or runs the image.</summary>
    private static readonly string[] Gains = [CompressedSize, Start, IdleMemory, Rate, SlowestLatency];

    private static readonly int[] Connections = [1, 32, 256];
    private static readonly TimeSpan Load = TimeSpan.FromSeconds(4);

    /// <summary>The part of the highest rate at which nothing may be lost.</summary>
    private const double SteadyShare = 0.8;
    private const string Steadily = " at 80 %";

    private static readonly TimeSpan StartPause = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan LogPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    private readonly ContainerEngine _engine = new("docker");

    /// <summary>Names the containers of this run, so that they differ from all others.</summary>
    private readonly string _id = TemporaryResources.NewName("benchmark");

    private readonly Machine _machine = new();

    /// <summary>Measures the images, and removes all containers that it made.</summary>
    /// <param name="images">The suffixes of the Dockerfiles.</param>
    /// <param name="against">An image of this API that is there already, such as one from before a change; null if there is none.</param>
    /// <param name="cancellationToken">Ends the measuring. Containers are still removed.</param>
    /// <returns>The table and the conditions in Markdown, the same for the README, and whether a container could not be removed.</returns>
    /// <exception cref="MeasurementException">Something could not be measured.</exception>
    public async Task<(string Markdown, string Readme, bool LeftBehind)> MeasureAsync(string[] images, string? against, CancellationToken cancellationToken)
    {
        await _engine.FindAsync(cancellationToken);
        using var inspector = new ImageInspector(_engine);
        using var tools = new TemporaryFolder();
        var (go, launcher, program) = (Path.Combine(tools.Path, "go"), Path.Combine(tools.Path, "launcher"), Path.Combine(tools.Path, "receiver"));
        progress("Compiling hello.go, launcher.go, receiver.go ...");
        await BuildGoAsync("hello.go", Path.Combine(go, "hello-go"), cancellationToken);
        await BuildGoAsync("launcher.go", launcher, cancellationToken);
        await BuildGoAsync("receiver.go", program, cancellationToken);
        List<Candidate> candidates =
        [
            await BuildAsync(inspector, new(Go, go, Path.Combine(folder, "Dockerfile-go")), cancellationToken),
            await BuildAsync(inspector, new(Floor, folder, Path.Combine(folder, "Dockerfile-floor")), cancellationToken),
        ];
        if (against is not null)
        {
            candidates.Add(await ReadAsync(inspector, HelloImage.Of(root, images[^1]) with { Name = Against }, against, cancellationToken));
        }

        foreach (var name in images)
        {
            candidates.Add(await BuildAsync(inspector, HelloImage.Of(root, name), cancellationToken));
        }

        // Not before the builds, so that they can use all cores.
        await _machine.PinAsync(cancellationToken);
        await using var receiver = await Receiver.StartAsync(program, cancellationToken);
        var made = new TemporaryResources(_engine, error);
        await using (made)
        {
            await InTurnsAsync("Start", starts, c => RunAsync(c, "", (_, _) => Task.FromResult(0L)));
            await InTurnsAsync("Load", runs, c => RunAsync(c, "", (hello, container) => LoadAsync(c, hello, container, made, cancellationToken)));
            await InTurnsAsync("Load at 80 %", runs, c => RunAsync(c, Steadily, (hello, container) => LoadSteadilyAsync(c, hello, container, made, cancellationToken)));
        }

        var conditions = await DescribeAsync(candidates, cancellationToken);
        return (Write(candidates, candidates[^1].Figures, conditions), Write(candidates, Gains, conditions), made.LeftBehind);

        Task RunAsync(Candidate candidate, string load, Func<Uri, string, Task<long>> measure) => this.RunAsync(candidate, load, launcher, receiver, made, measure, cancellationToken);

        Task InTurnsAsync(string what, int rounds, Func<Candidate, Task> measure) => Interleaving.RunAsync(candidates, rounds, (candidate, round) =>
        {
            progress(Format.Invariant($"{what} {round} of {rounds}: {candidate.Name} ..."));
            return measure(candidate);
        });
    }

    private Task<string> BuildGoAsync(string source, string output, CancellationToken cancellationToken) => ProgramRunner.RunAsync(
        Cli.Wrap("go")
            .WithArguments(["build", "-ldflags=-s", "-o", output, Path.Combine(folder, source)])
            .WithEnvironmentVariables(new Dictionary<string, string?> { ["GO111MODULE"] = "off", ["GOPATH"] = Machine.GoPath, ["CGO_ENABLED"] = "0" }),
        cancellationToken);

    private async Task<Candidate> BuildAsync(ImageInspector inspector, HelloImage image, CancellationToken cancellationToken)
    {
        progress($"Building {image.Name} ...");
        await _engine.BuildAsync(["--file", image.Dockerfile, "--tag", image.Reference, image.Context], cancellationToken);
        return await ReadAsync(inspector, image, image.Reference, cancellationToken);
    }

    private async Task<Candidate> ReadAsync(ImageInspector inspector, HelloImage image, string reference, CancellationToken cancellationToken)
    {
        var (id, entrypoint) = ReadImage(await _engine.InspectAsync("image", reference, cancellationToken));
        var candidate = new Candidate(image.Name, image.Name is not (Go or Floor), id, entrypoint, await inspector.InspectImageAsync(reference, image.Dockerfile, cancellationToken));
        candidate.Add("Unpacked size, B", candidate.Image.UnpackedBytes);
        candidate.Add(CompressedSize, candidate.Image.CompressedBytes);
        return candidate;

        // [{"Id":"sha256:…","Config":{"Entrypoint":["/hello-api"]}}]
        static (string Id, string[] Entrypoint) ReadImage(JsonElement image) =>
            (image.GetProperty("Id").GetString()!, [.. image.GetProperty("Config").GetProperty("Entrypoint").EnumerateArray().Select(e => e.GetString()!)]);
    }

    /// <summary>Starts a container, measures the start, runs a measurement and stops the container.</summary>
    private async Task RunAsync(Candidate candidate, string load, string launcher, Receiver receiver, TemporaryResources made, Func<Uri, string, Task<long>> measure, CancellationToken cancellationToken)
    {
        var container = $"{_id}-{candidate.Name}";
        // A new port for each start, because closed connections may still occupy the old one.
        var address = new IPEndPoint(IPAddress.Loopback, LocalPort.FindFree());
        string[] environment =
        [
            $"ADDRESS={address}", $"ASPNETCORE_URLS=http://{address}",
            .. candidate.HasTelemetry ? (string[])[$"OTEL_EXPORTER_OTLP_ENDPOINT={receiver.Endpoint}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", $"OTEL_SERVICE_NAME={candidate.Name}"] : [],
        ];
        made.Add("container", container);
        try
        {
            // The host's network, so that the figures include neither address translation nor a proxy.
            await _engine.RunAsync(
                [
                    "container", "create", "--name", container, "--network", "host", "--cpuset-cpus", _machine.ServerCore, .. environment.SelectMany(e => (string[])["--env", e]),
                    "--volume", $"{launcher}:/launcher:ro", "--entrypoint", "/launcher", candidate.ImageId, .. candidate.Entrypoint,
                ],
                cancellationToken);
            await StartAsync(candidate, container, address, cancellationToken);
            var before = await receiver.CountAsync(cancellationToken);
            var requests = await measure(new($"http://{address}{HelloImage.HelloPath}"), container);
            // The container is stopped, not killed, because the API exports its last metrics at its end.
            await _engine.RunAsync(["container", "stop", container], cancellationToken);
            if (candidate.HasTelemetry)
            {
                candidate.AddReceived(load, requests, await receiver.CountAsync(cancellationToken) - before);
            }
        }
        finally
        {
            await made.RemoveAsync("container", container);
        }
    }

    /// <summary>Starts a container and waits for its first answer.</summary>
    private async Task StartAsync(Candidate candidate, string container, IPEndPoint address, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        var answer = FirstAnswer.WaitAsync(address, HelloImage.HelloPath, StartPause, limit.Token);
        try
        {
            await _engine.RunAsync(["container", "start", container], limit.Token);
            var answered = await answer;
            candidate.Add(Start, (answered - await ReadLaunchAsync(container, limit.Token)).TotalMilliseconds);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeasurementException(Format.Invariant($"{candidate.Name} did not answer /hello with 200 within {AnswerLimit.TotalSeconds:N0} s of its start. To see why, run: docker run --rm {candidate.ImageId}"));
        }
        finally
        {
            await limit.CancelAsync();
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The time that launcher.go wrote as the first line of the log. Waits until the engine has it.</summary>
    private async Task<DateTimeOffset> ReadLaunchAsync(string container, CancellationToken cancellationToken)
    {
        for (; ; await Task.Delay(LogPause, cancellationToken))
        {
            if ((await _engine.RunAsync(["container", "logs", container], cancellationToken)).Split('\n')[0] is { Length: > 0 } line)
            {
                return DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(line, CultureInfo.InvariantCulture));
            }
        }
    }

    /// <summary>Measures memory and load.</summary>
    /// <returns>The number of answered requests.</returns>
    private async Task<long> LoadAsync(Candidate candidate, Uri hello, string container, TemporaryResources made, CancellationToken cancellationToken)
    {
        await using var probe = await StartProbeAsync(container, made, cancellationToken);
        await Task.Delay(ProbeContainer.Settling, cancellationToken);
        await AddMemoryAsync("idle");
        var requests = 0;
        foreach (var connections in Connections)
        {
            var over = Over(connections);
            // Until the rate is steady before the first of them only, because the code is then compiled.
            var result = await SendAsync(candidate, hello, probe, new() { Connections = connections, WarmUp = requests == 0 }, cancellationToken);
            requests += result.Sent + result.WarmUpAnswers;
            candidate.Add(RateOver(connections), result.RequestsPerSecond);
            candidate.Add($"Latency p50 on one core, {over}, ms", result.P50!.Value.TotalMilliseconds);
            candidate.Add($"Latency p99 on one core, {over}, ms", result.P99!.Value.TotalMilliseconds);
        }

        await Task.Delay(ProbeContainer.Settling, cancellationToken);
        var peak = await AddMemoryAsync("after load");
        candidate.Add("Memory, peak, MB", peak.PeakResidentBytes / 1e6);
        return requests;

        async Task<ProcessFacts> AddMemoryAsync(string when)
        {
            var facts = await probe.ReadProcessesAsync(cancellationToken);
            candidate.Add($"Memory {when}, MB", facts.ResidentBytes / 1e6);
            candidate.Add($"Threads {when}", facts.Threads);
            return facts;
        }
    }

    /// <summary>Sends 80 % of the highest rate, for which each connection pauses between its requests.</summary>
    /// <returns>The number of answered requests.</returns>
    private async Task<long> LoadSteadilyAsync(Candidate candidate, Uri hello, string container, TemporaryResources made, CancellationToken cancellationToken)
    {
        await using var probe = await StartProbeAsync(container, made, cancellationToken);
        var connections = Connections[^1];
        var highest = Connections.Max(c => candidate[RateOver(c)]!.Median!.Value);
        var between = TimeSpan.FromSeconds(connections / (SteadyShare * highest));
        // The first load tells how long an answer takes, which is a part of the time between two requests.
        var first = await SendAsync(candidate, hello, probe, new() { Connections = connections, Pause = between, WarmUp = true }, cancellationToken);
        var answer = TimeSpan.FromSeconds(connections / first.RequestsPerSecond) - between;
        var result = await SendAsync(candidate, hello, probe, new() { Connections = connections, Pause = between - answer }, cancellationToken);
        candidate.Add($"Requests per second on one core{Steadily}", result.RequestsPerSecond);
        candidate.Add($"Latency p99 on one core{Steadily}, ms", result.P99!.Value.TotalMilliseconds);
        return first.Sent + first.WarmUpAnswers + result.Sent;
    }

    private Task<ProbeContainer> StartProbeAsync(string container, TemporaryResources made, CancellationToken cancellationToken) =>
        ProbeContainer.StartBesideAsync(_engine, container, made.Report, cancellationToken, "--cpuset-cpus", string.Join(',', _machine.ClientCores));

    private static async Task<LoadResult> SendAsync(Candidate candidate, Uri hello, ProbeContainer probe, LoadOptions options, CancellationToken cancellationToken)
    {
        var result = await probe.SendLoadAsync(hello.Port, hello.AbsolutePath, options with { Requests = int.MaxValue, Duration = Load }, cancellationToken);
        return result.Errors == 0
            ? result
            : throw new MeasurementException(Format.Invariant($"{result.Errors:N0} of {result.Sent:N0} requests to {candidate.Name} over {options.Connections} connections failed."));
    }

    private static string Over(int connections) => connections == 1 ? "1 connection" : Format.Invariant($"{connections} connections");

    private static string RateOver(int connections) => $"Requests per second on one core, {Over(connections)}";

    private async Task<string> DescribeAsync(List<Candidate> candidates, CancellationToken cancellationToken)
    {
        var conditions = new Conditions(
            DateTimeOffset.UtcNow,
            ProbeProgram.DescribeMachine(),
            await _engine.DescribeAsync(cancellationToken),
            Format.Invariant($"medians (lowest–highest) of {starts + runs + runs} starts and {runs} loads of each image; interleaved, on the host's network; load from a probe, {Load.TotalSeconds:N0} s over each of {string.Join(", ", Connections)} connections, after the rate is steady; a load at 80 % is as many requests as that part of the image's own highest rate, over {Connections[^1]} connections; exec to first hello counted from the moment at which the kernel executes the program (launcher.go), known to 0.1 ms; resident memory"),
            [.. candidates.SelectMany(c => c.Image.StandIns).Distinct()]);
        IEnumerable<(string Name, string Text)> lines =
        [
            .. conditions.Lines,
            ("Cores", $"server on core {_machine.ServerCore}; load generator, telemetry receiver and this program on {string.Join(", ", _machine.ClientCores)}; the engine, which reads the logs, on all"),
            ("`go`", $"Gin's default router with its logger, no telemetry; {await ProgramRunner.RunAsync(Cli.Wrap("go").WithArguments("version"), cancellationToken)}"),
            ("`floor`", "ASP.NET Core with one route, as a static native binary; no log, no telemetry"),
            ("Telemetry of the other images", "traces, metrics and logs over http/protobuf to receiver.go, which counts them"),
        ];
        return string.Concat(lines.Select(l => $"- {l.Name}: {l.Text}\n"));
    }

    /// <summary>Writes the figures as Markdown.</summary>
    /// <param name="candidates">The first two are the references.</param>
    /// <param name="figures">The names of the rows.</param>
    /// <param name="conditions">Written below the table.</param>
    internal static string Write(List<Candidate> candidates, IEnumerable<string> figures, string conditions)
    {
        var references = candidates[..2];
        var table = new Table(
            ["", .. candidates.Select(c => $"`{c.Name}`")],
            [.. figures.Select(f => (string[])[f, .. candidates.Select(c => Cell(c, f))])]).ToMarkdown();
        return $"{table}\nA cell ends with the ratios to `{Go}` and to `{Floor}`, ASP.NET Core with one route and nothing else.\n\n{conditions}";

        string Cell(Candidate candidate, string figure)
        {
            if (candidate[figure] is not { Median: { } median } values)
            {
                return "–";
            }

            var (lowest, highest) = values.Range;
            var spread = lowest == highest ? "" : $" ({Text(lowest)}–{Text(highest)})";
            var ratios = references.Where(r => r != candidate && r[figure] is not null)
                .Select(r => $"{Format.Ratio(median / r[figure]!.Median!.Value)} {r.Name}");
            return $"{Text(median)}{spread} {string.Join(", ", ratios)}".TrimEnd();
        }

        static string Text(double value) => value switch
        {
            < 10 => Format.Invariant($"{value:N2}"),
            < 100 => Format.Invariant($"{value:N1}"),
            _ => Format.Invariant($"{value:N0}"),
        };
    }
}

/// <summary>A temporary folder, which is deleted when this is disposed.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hello-benchmark-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
