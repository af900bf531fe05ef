using System.Diagnostics;
using System.Net;
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

    /// <summary>Lets the process finish the work of its start that goes on after the first answer.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    /// <summary>Names the images and containers of this run, so that they differ from all others.</summary>
    private readonly string _id = TemporaryResources.NewName("compare");

    private readonly List<string> _failures = [];

    /// <summary>The number of requests of each load. It is lower than planned if the time limit came first.</summary>
    private readonly Spread<int> _requests = new();

    /// <summary>Measures the builds, and removes all images and containers that it made.</summary>
    /// <param name="images">The builds. The first is the reference.</param>
    /// <param name="cancellationToken">Ends the measuring. Images and containers are still removed.</param>
    /// <exception cref="MeasurementException">No engine answers.</exception>
    public async Task<ComparisonResult> MeasureAsync(IReadOnlyList<HelloImage> images, CancellationToken cancellationToken)
    {
        await engine.FindAsync(cancellationToken);
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
                progress($"Run {round} of {runs}: {candidate.Image.Name} ...");
                return RunAsync(candidate, candidates.Select(c => c.Reference), made, cancellationToken);
            }));
            progress("Cleaning up ...");
        }

        return new(
            [.. candidates.Select(c => c.Summarize())],
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
        var clock = Stopwatch.StartNew();
        await engine.RunAsync(["build", "--no-cache", "--file", candidate.Image.Dockerfile, "--tag", candidate.Reference, candidate.Image.Context], cancellationToken);
        candidate.BuildTime = clock.Elapsed;
        progress(Format.Invariant($"Built {candidate.Image.Name} in {clock.Elapsed.TotalSeconds:N1} s; reading it ..."));
        candidate.Facts = await inspector.InspectImageAsync(candidate.Image, candidate.Reference, cancellationToken);
    }

    private async Task RunAsync(Candidate candidate, IEnumerable<string> helpers, TemporaryResources made, CancellationToken cancellationToken)
    {
        var container = $"{_id}-{candidate.Image.Name}";
        // The port is chosen here. If the engine chose it, the first request would have to wait until the engine tells the port.
        var address = new IPEndPoint(IPAddress.Loopback, FirstHello.FreePort());
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
        await engine.RunAsync(["container", "start", container], cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        try
        {
            var answered = await FirstHello.WaitAsync(address, HelloImage.HelloPath, limit.Token);
            var (_, started, _) = await inspector.FindStartedAsync(container, cancellationToken);
            return answered > started
                ? answered - started
                : throw new MeasurementException("its first answer came before its start, so the container engine's clock differs from this machine's. Set both clocks to the same time.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeasurementException(Format.Invariant($"{HelloImage.HelloPath} did not answer with 200 within {AnswerLimit.TotalSeconds:N0} s of the start."));
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
