using System.Net;
using System.Net.Sockets;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;
using Hello.Compare.Load;

namespace Hello.Compare.Comparison;

/// <summary>Builds the images without cache, runs them one at a time and measures them.</summary>
/// <param name="engine">The container engine.</param>
/// <param name="inspector">Reads the images.</param>
/// <param name="runs">How often each image is started. The figures are medians.</param>
/// <param name="progress">Receives one line about each step.</param>
/// <param name="error">Receives one line about each image or container that could not be removed.</param>
public sealed class ComparisonRun(ContainerEngine engine, ImageInspector inspector, int runs, Action<string> progress, Action<string> error)
{
    /// <summary>Sent first and not measured, because a JIT-compiled process gets faster during its first thousands of requests.</summary>
    private static readonly LoadOptions WarmUp = new() { Requests = 2_000, Duration = TimeSpan.FromSeconds(5) };

    private static readonly LoadOptions Load = new() { Requests = 5_000, Duration = TimeSpan.FromSeconds(10) };

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);

    /// <summary>If there is no answer by then, it looks whether there can be one.</summary>
    private static readonly TimeSpan PublishLimit = TimeSpan.FromSeconds(2);

    /// <summary>Lets the process finish the work of its start that goes on after the first answer.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    /// <summary>Names the images and containers of this run, so that they differ from all others.</summary>
    private readonly string _id = TemporaryResources.NewName("compare");

    private readonly List<string> _failures = [];

    /// <summary>Why no container can be measured while it runs; null if nothing speaks against it.</summary>
    private string? _portsElsewhere;

    private bool _clocksDiffer;

    /// <summary>The number of requests of each load. It is lower than planned if the time limit came first.</summary>
    private readonly Spread<int> _requests = new();

    /// <summary>Measures the builds, and removes all images and containers that it made.</summary>
    /// <param name="images">The builds. The first is the reference.</param>
    /// <param name="cancellationToken">Ends the measuring. Images and containers are still removed.</param>
    /// <exception cref="MeasurementException">No engine answers.</exception>
    public async Task<ComparisonResult> MeasureAsync(IReadOnlyList<HelloImage> images, CancellationToken cancellationToken)
    {
        await engine.FindAsync(cancellationToken);
        _portsElsewhere = await engine.FindPortsElsewhereAsync(cancellationToken);
        if (_portsElsewhere is not null)
        {
            progress($"Only the images are measured. {_portsElsewhere}");
        }

        Candidate[] candidates = [.. images.Select(image => new Candidate(image, $"{_id}:{image.Name}"))];
        var made = new TemporaryResources(engine, error);
        await using (made)
        {
            foreach (var candidate in candidates)
            {
                await TryAsync(candidate, () => BuildAsync(candidate, made, cancellationToken));
            }

            await Interleaving.RunAsync(candidates, runs, (candidate, round) => TryAsync(candidate, () =>
            {
                if (_portsElsewhere is not null)
                {
                    return Task.CompletedTask;
                }

                progress($"Run {round} of {runs}: {candidate.Image.Name} ...");
                return RunAsync(candidate, candidates.Select(c => c.Reference), made, cancellationToken);
            }));
            progress("Cleaning up ...");
        }

        if (_portsElsewhere is not null)
        {
            _failures.Add($"The build time and the figures of running containers are left out. {_portsElsewhere}");
        }

        if (_clocksDiffer)
        {
            _failures.Add($"\"{Figure.FirstHello.Name}\" is left out, because the container engine's clock differs from this machine's. Set both clocks to the same time.");
        }

        return new(
            [
                .. candidates.Select(c => c.Summarize()).Select(m => m with
                {
                    // The time on another machine would stand beside the name of this one.
                    BuildTime = _portsElsewhere is null ? m.BuildTime : null,
                    FirstHello = _clocksDiffer ? null : m.FirstHello,
                }),
            ],
            _failures,
            new(
                DateTimeOffset.UtcNow,
                Conditions.DescribeMachine(),
                await engine.DescribeAsync(cancellationToken),
                Format.Invariant(
                    $"medians of {runs} interleaved starts of each image, with the options that the AppHost gives its container; start to first hello counted from the engine's StartedAt and rounded to {FirstHello.EngineResolution.TotalMilliseconds:N0} ms; load of {DescribeRequests()} requests over {Load.Connections} connections from the same machine, after {WarmUp.Requests:N0} requests to warm up; no telemetry sent; compressed sizes with gzip"),
                [.. candidates.SelectMany(c => c.Facts?.StandIns ?? []).Distinct()]),
            made.LeftBehind);
    }

    private string DescribeRequests()
    {
        var (lowest, highest) = _requests.IsEmpty ? (Load.Requests, Load.Requests) : _requests.Range;
        return lowest == highest ? Format.Invariant($"{highest:N0}") : Format.Invariant($"{lowest:N0} to {highest:N0}, for {Load.Duration.TotalSeconds:N0} s at most,");
    }

    private async Task TryAsync(Candidate candidate, Func<Task> measure)
    {
        // A build that failed once is not measured again. One error about it is enough.
        if (candidate.HasFailed)
        {
            return;
        }

        try
        {
            await measure();
        }
        catch (MeasurementException) when (_portsElsewhere is not null && candidate.Facts is not null)
        {
            // It concerns all builds, and is told once.
        }
        catch (MeasurementException e)
        {
            candidate.HasFailed = true;
            _failures.Add($"{candidate.Image.Name} could not be measured: {e.Message}");
        }
    }

    private async Task BuildAsync(Candidate candidate, TemporaryResources made, CancellationToken cancellationToken)
    {
        progress($"Building {candidate.Image.Name} without cache ...");
        made.Add("image", candidate.Reference);
        var buildTime = await engine.BuildAsync(["--no-cache", "--file", candidate.Image.Dockerfile, "--tag", candidate.Reference, candidate.Image.Context], cancellationToken);
        candidate.BuildTime = buildTime;
        progress(Format.Invariant($"Built {candidate.Image.Name} in {buildTime.TotalSeconds:N1} s; reading it ..."));
        candidate.Facts = await inspector.InspectImageAsync(candidate.Image, candidate.Reference, cancellationToken);
    }

    private async Task RunAsync(Candidate candidate, IEnumerable<string> helpers, TemporaryResources made, CancellationToken cancellationToken)
    {
        var container = $"{_id}-{candidate.Image.Name}";
        // The port is chosen here. If the engine chose it, the first request would have to wait until the engine tells the port.
        var address = new IPEndPoint(IPAddress.Loopback, LocalPort.FindFree());
        made.Add("container", container);
        await engine.RunAsync(["container", "create", "--name", container, "--publish", $"{address}:{HelloImage.Port}", .. candidate.Image.RunOptions, candidate.Reference], cancellationToken);
        try
        {
            candidate.FirstHellos.Add(await StartAsync(container, address, cancellationToken));
            await Task.Delay(Settling, cancellationToken);
            var process = await inspector.InspectProcessAsync(container, helpers, cancellationToken);
            candidate.Process ??= process;
            candidate.MemoryAfterStart.Add(process.ResidentBytes);

            await SendAsync(WarmUp);
            var load = await SendAsync(Load);
            _requests.Add(load.Sent);
            candidate.RequestsPerSecond.Add(load.RequestsPerSecond);
            candidate.LatencyP50.Add(load.Percentile(50)!.Value);
            candidate.LatencyP99.Add(load.Percentile(99)!.Value);
            candidate.MemoryUnderLoad.Add((await inspector.InspectProcessAsync(container, helpers, cancellationToken)).PeakResidentBytes);
        }
        finally
        {
            await made.RemoveAsync("container", container);
        }

        async Task<LoadResult> SendAsync(LoadOptions load)
        {
            var result = await LoadBurst.SendAsync(new($"http://{address}{HelloImage.HelloPath}"), load, progress: null, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            return result.Errors == 0
                ? result
                : throw new MeasurementException(Format.Invariant($"{result.Errors:N0} of {result.Sent:N0} requests under load did not get an answer with 200."));
        }
    }

    private async Task<TimeSpan> StartAsync(string container, IPEndPoint address, CancellationToken cancellationToken)
    {
        // The first request is sent after the engine has started the container. A packet to an address that does not exist yet
        // makes the kernel wait for a second: arp(7).
        var asked = DateTimeOffset.UtcNow;
        await engine.RunAsync(["container", "start", container], cancellationToken);
        var told = DateTimeOffset.UtcNow;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        try
        {
            var answering = FirstHello.WaitAsync(address, HelloImage.HelloPath, FirstHello.Pause, limit.Token);
            if (await Task.WhenAny(answering, Task.Delay(PublishLimit, limit.Token)) != answering)
            {
                await CheckPublishedAsync(container, address, cancellationToken);
            }

            var answered = await answering;
            var (_, started, _) = await inspector.FindStartedAsync(container, cancellationToken);
            // By one clock, it started while this program waited for the engine to start it.
            _clocksDiffer |= started < asked - FirstHello.EngineResolution || started > told + FirstHello.EngineResolution;
            return answered - started;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeasurementException(Format.Invariant($"{HelloImage.HelloPath} did not answer with 200 within {AnswerLimit.TotalSeconds:N0} s of the start."));
        }
        finally
        {
            await limit.CancelAsync();
        }
    }

    /// <summary>Ends the waiting for an answer that cannot come.</summary>
    /// <exception cref="MeasurementException">The container does not run, or its port is not on this machine.</exception>
    private async Task CheckPublishedAsync(string container, IPEndPoint address, CancellationToken cancellationToken)
    {
        await inspector.FindStartedAsync(container, cancellationToken);
        // For example, this program runs in a container and uses the engine that runs the container.
        if (LocalPort.TryListen(address) == SocketError.Success)
        {
            _portsElsewhere = $"The container engine runs {container} and publishes its port {address.Port}, but on this machine the port is free. Run the program where the engine publishes the ports.";
            throw new MeasurementException(_portsElsewhere);
        }
    }

    /// <summary>A build and its measurements so far.</summary>
    private sealed class Candidate(HelloImage image, string reference)
    {
        public HelloImage Image => image;

        public string Reference => reference;

        public bool HasFailed { get; set; }

        public TimeSpan? BuildTime { get; set; }

        public ImageFacts? Facts { get; set; }

        public ProcessFacts? Process { get; set; }

        public Spread<TimeSpan> FirstHellos { get; } = new();

        public Spread<long> MemoryAfterStart { get; } = new();

        public Spread<long> MemoryUnderLoad { get; } = new();

        public Spread<double> RequestsPerSecond { get; } = new();

        public Spread<TimeSpan> LatencyP50 { get; } = new();

        public Spread<TimeSpan> LatencyP99 { get; } = new();

        public Measurements Summarize() => new(image)
        {
            Image = Facts,
            Process = Process,
            BuildTime = BuildTime,
            FirstHello = FirstHellos.Median,
            MemoryAfterStart = MemoryAfterStart.Median,
            MemoryUnderLoad = MemoryUnderLoad.Median,
            RequestsPerSecond = RequestsPerSecond.Median,
            LatencyP50 = LatencyP50.Median,
            LatencyP99 = LatencyP99.Median,
        };
    }
}
