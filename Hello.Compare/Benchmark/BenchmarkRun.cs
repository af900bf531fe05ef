using CliWrap;

namespace Hello.Compare.Benchmark;

/// <summary>Measures the starts of all candidates in turns, then loads on them in turns, and writes the figures as Markdown.</summary>
internal sealed class BenchmarkRun(string root, string folder, int runs, int starts, Action<string> progress, Action<string> error)
{
    private const string Go = "go";
    private const string Floor = "floor";

    private static readonly int[] Connections = [32, 256];
    private static readonly TimeSpan Load = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan StartPause = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan LogPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    private readonly ContainerEngine _engine = new("docker");

    /// <summary>Names the containers of this run, so that they differ from all others.</summary>
    private readonly string _id = TemporaryResources.NewName("benchmark");

    private readonly Machine _machine = new();

    /// <summary>Measures the images, and removes all containers that it made.</summary>
    /// <param name="against">An image of this API that is there already, such as one from before a change; null if there is none.</param>
    /// <returns>The table and the conditions, and whether a container could not be removed.</returns>
    public async Task<(string Markdown, bool LeftBehind)> MeasureAsync(string[] images, string? against, CancellationToken cancellationToken)
    {
        await _engine.FindAsync(cancellationToken);
        using var inspector = new ImageInspector(_engine);
        // Not in the folder for temporary files, which may be on a file system that runs no program.
        var tools = Directory.CreateDirectory(Path.Combine(root, "artifacts", _id));
        try
        {
            var (go, launcher, program) = (Path.Combine(tools.FullName, Go, "hello-go"), Path.Combine(tools.FullName, "launcher"), Path.Combine(tools.FullName, "receiver"));
            progress("Compiling hello.go, launcher.go, receiver.go ...");
            await BuildGoAsync("hello.go", go, cancellationToken);
            await BuildGoAsync("launcher.go", launcher, cancellationToken);
            await BuildGoAsync("receiver.go", program, cancellationToken);

            HelloImage[] builds =
            [
                new(Go, Path.GetDirectoryName(go)!, Path.Combine(folder, "Dockerfile-go")), new(Floor, folder, Path.Combine(folder, "Dockerfile-floor")),
                .. images.Select(name => HelloImage.Of(root, name)),
            ];
            List<Candidate> candidates = [];
            foreach (var build in builds)
            {
                progress($"Building {build.Name} ...");
                await _engine.BuildAsync(["--file", build.Dockerfile, "--tag", build.Reference, build.Context], cancellationToken);
                candidates.Add(await ReadAsync(inspector, build, build.Reference, cancellationToken));
            }

            if (against is not null)
            {
                candidates.Insert(2, await ReadAsync(inspector, builds[^1] with { Name = "against" }, against, cancellationToken));
            }

            // Not before the builds, so that they can use all cores.
            await _machine.PinAsync(cancellationToken);
            await using var receiver = await Receiver.StartAsync(program, cancellationToken);
            var made = new TemporaryResources(_engine, error);
            await using (made)
            {
                await InTurnsAsync("Start", starts, (_, _) => Task.FromResult(0L));
                await InTurnsAsync("Load", runs, (candidate, address) => LoadAsync(candidate, address, made, cancellationToken));
            }

            return (Write(candidates, await DescribeAsync(candidates, cancellationToken)), made.LeftBehind);

            Task InTurnsAsync(string what, int rounds, Func<Candidate, IPEndPoint, Task<long>> measure) => Interleaving.RunAsync(candidates, rounds, (candidate, round) =>
            {
                progress(Format.Invariant($"{what} {round} of {rounds}: {candidate.Name} ..."));
                return RunAsync(candidate, launcher, receiver, made, measure, cancellationToken);
            });
        }
        finally
        {
            tools.Delete(recursive: true);
        }
    }

    private Task<string> BuildGoAsync(string source, string output, CancellationToken cancellationToken) => ProgramRunner.RunAsync(
        Cli.Wrap("go")
            .WithArguments(["build", "-ldflags=-s", "-o", output, Path.Combine(folder, source)])
            .WithEnvironmentVariables(new Dictionary<string, string?> { ["GO111MODULE"] = "off", ["GOPATH"] = Machine.GoPath, ["CGO_ENABLED"] = "0" }),
        cancellationToken);

    private async Task<Candidate> ReadAsync(ImageInspector inspector, HelloImage build, string reference, CancellationToken cancellationToken)
    {
        var answer = await _engine.InspectAsync<ImageAnswer>("image", reference, cancellationToken);
        var facts = await inspector.InspectImageAsync(reference, build.Dockerfile, cancellationToken);
        var candidate = new Candidate(build.Name, HasTelemetry: build.Name is not (Go or Floor), answer.Id, answer.Config?.Entrypoint ?? [], facts);
        candidate.Add("Unpacked size, B", facts.UnpackedBytes);
        candidate.Add("Compressed size, B", facts.CompressedBytes);
        return candidate;
    }

    private string ContainerOf(Candidate candidate) => $"{_id}-{candidate.Name}";

    /// <summary>Starts a container, measures the start, runs a measurement and stops the container.</summary>
    private async Task RunAsync(
        Candidate candidate, string launcher, Receiver receiver, TemporaryResources made, Func<Candidate, IPEndPoint, Task<long>> measure,
        CancellationToken cancellationToken)
    {
        var container = ContainerOf(candidate);
        // A new port for each start, because closed connections may still occupy the old one.
        var address = new IPEndPoint(IPAddress.Loopback, LocalPort.FindFree());
        string[] telemetry = [$"OTEL_EXPORTER_OTLP_ENDPOINT={receiver.Endpoint}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", $"OTEL_SERVICE_NAME={candidate.Name}"];
        string[] environment = [$"ADDRESS={address}", $"ASPNETCORE_URLS=http://{address}", .. candidate.HasTelemetry ? telemetry : []];
        made.Add("container", container);
        try
        {
            // The host's network, so that the figures include neither address translation nor a proxy.
            await _engine.RunAsync(
                [
                    "container", "create", "--name", container, "--network", "host", "--cpuset-cpus", _machine.ServerCore,
                    .. environment.SelectMany(variable => (string[])["--env", variable]),
                    "--volume", $"{launcher}:/launcher:ro", "--entrypoint", "/launcher", candidate.ImageId, .. candidate.Entrypoint,
                ],
                cancellationToken);
            await StartAsync(candidate, address, cancellationToken);
            var before = await receiver.CountAsync(cancellationToken);
            var requests = await measure(candidate, address);
            // The container is stopped, not killed, because the API exports its last metrics at its end.
            await _engine.RunAsync(["container", "stop", container], cancellationToken);
            if (candidate.HasTelemetry)
            {
                candidate.AddReceived(requests, await receiver.CountAsync(cancellationToken) - before);
            }
        }
        finally
        {
            await made.RemoveAsync("container", container);
        }
    }

    /// <summary>Starts a container and waits for its first answer.</summary>
    private async Task StartAsync(Candidate candidate, IPEndPoint address, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        var answer = FirstAnswer.WaitAsync(address, HelloImage.HelloPath, StartPause, limit.Token);
        try
        {
            await _engine.RunAsync(["container", "start", ContainerOf(candidate)], limit.Token);
            var answered = await answer;
            candidate.Add("Exec to first hello, ms", (answered - await ReadLaunchAsync(ContainerOf(candidate), limit.Token)).TotalMilliseconds);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var limits = Format.Invariant($"within {AnswerLimit.TotalSeconds:N0} s of its start");
            throw new MeasurementException($"{candidate.Name} did not answer /hello with 200 {limits}. To see why, run: docker run --rm {candidate.ImageId}");
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

    private async Task<long> LoadAsync(Candidate candidate, IPEndPoint address, TemporaryResources made, CancellationToken cancellationToken)
    {
        await using var probe = await ProbeContainer.StartBesideAsync(
            _engine, ContainerOf(candidate), made.Report, cancellationToken, "--cpuset-cpus", _machine.ClientCores);
        await Task.Delay(ProbeContainer.Settling, cancellationToken);
        candidate.Add("Memory idle, MB", (await probe.ReadProcessesAsync(cancellationToken)).ResidentBytes / 1e6);
        var requests = 0L;
        foreach (var connections in Connections)
        {
            // Until the rate is steady before the first of them only, because the code is then compiled.
            var options = new LoadOptions { Requests = int.MaxValue, Duration = Load, Connections = connections, WarmUp = requests == 0 };
            var result = await probe.SendLoadAsync(address.Port, HelloImage.HelloPath, options, cancellationToken);
            if (result.Errors > 0)
            {
                var share = Format.Invariant($"{result.Errors:N0} of {result.Sent:N0} requests over {connections} connections");
                throw new MeasurementException($"{candidate.Name} did not answer {share} with success.");
            }

            requests += result.Sent + result.WarmUpAnswers;
            candidate.Add(Format.Invariant($"Requests per second on one core, {connections} connections"), result.RequestsPerSecond);
            candidate.Add(Format.Invariant($"Latency p99 on one core, {connections} connections, ms"), result.P99!.Value.TotalMilliseconds);
        }

        candidate.Add("Memory, peak, MB", (await probe.ReadProcessesAsync(cancellationToken)).PeakResidentBytes / 1e6);
        return requests;
    }

    private async Task<string> DescribeAsync(List<Candidate> candidates, CancellationToken cancellationToken)
    {
        var conditions = new Conditions(
            DateTimeOffset.UtcNow,
            ProbeProgram.DescribeMachine(),
            await _engine.DescribeAsync(cancellationToken),
            Format.Invariant($"medians (lowest–highest) of {starts + runs} starts and {runs} loads of each image; interleaved, on the host's network; ")
                + Format.Invariant($"load from a probe, {Load.TotalSeconds:N0} s over each of {string.Join(", ", Connections)} connections, after the rate is steady; ")
                + "exec to first hello counted from the moment at which the kernel executes the program (launcher.go), known to 0.1 ms; resident memory",
            [.. candidates.SelectMany(c => c.Image.StandIns).Distinct()]);
        var version = await ProgramRunner.RunAsync(Cli.Wrap("go").WithArguments("version"), cancellationToken);
        IEnumerable<(string Name, string Text)> lines =
        [
            .. conditions.Lines,
            ("Cores", $"server on {_machine.ServerCore}; load generator, telemetry receiver and this program on {_machine.ClientCores}; the engine, which reads the logs, on all"),
            ("`go` and `floor`", $"no telemetry; `floor` has no log, either; {version}"),
        ];
        return string.Concat(lines.Select(l => $"- {l.Name}: {l.Text}\n"));
    }

    /// <param name="candidates">The first two are the references, and the last one has all figures.</param>
    internal static string Write(IReadOnlyList<Candidate> candidates, string conditions)
    {
        var table = new Table(
            ["", .. candidates.Select(c => $"`{c.Name}`")],
            [.. candidates[^1].Values.Keys.Select(f => (string[])[f, .. candidates.Select(c => Cell(c, f))])]).ToMarkdown();
        return $"{table}\nA cell ends with the ratios to `{Go}` and to `{Floor}`, ASP.NET Core with one route and nothing else.\n\n{conditions}";

        string Cell(Candidate candidate, string figure)
        {
            if (candidate.Values.GetValueOrDefault(figure) is not { Median: { } median, Range: var (lowest, highest) })
            {
                return "–";
            }

            var spread = lowest == highest ? "" : $" ({Text(lowest)}–{Text(highest)})";
            var ratios = candidates.Take(2).Where(r => r != candidate && r.Values.ContainsKey(figure))
                .Select(r => $"{Format.Ratio(median / r.Values[figure].Median!.Value)} {r.Name}");
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
