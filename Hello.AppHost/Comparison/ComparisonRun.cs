using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Hello.AppHost.Engine;
using Hello.AppHost.Facts;
using Hello.AppHost.Load;

namespace Hello.AppHost.Comparison;

/// <summary>Builds the images without cache, runs them one at a time and measures them; leaves nothing behind.</summary>
/// <param name="engine">The container engine.</param>
/// <param name="inspector">Reads the images.</param>
/// <param name="runs">How often each is started; the figures are medians.</param>
/// <param name="progress">Receives what is being done, one line each.</param>
internal sealed class ComparisonRun(ContainerEngine engine, ImageInspector inspector, int runs, Action<string> progress)
{
    /// <summary>Sent first and not counted: a JIT-compiled process gets faster over its first thousands of requests.</summary>
    private static readonly LoadOptions WarmUp = new() { Requests = 2_000, Duration = TimeSpan.FromSeconds(5) };

    private static readonly LoadOptions Load = new() { Requests = 5_000, Duration = TimeSpan.FromSeconds(10) };

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);

    /// <summary>For what start-up leaves to do behind the first answer.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    /// <summary>Tells what belongs to this run from everything else on the machine.</summary>
    private readonly string _id = $"hello-compare-{RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8)}";

    private readonly List<string> _failures = [];

    /// <summary>Measures.</summary>
    /// <param name="images">The builds.</param>
    /// <param name="cancellationToken">Ends the measuring; what it made is removed all the same.</param>
    /// <returns>What was measured, and what could not be.</returns>
    /// <exception cref="MeasurementException">No engine answers.</exception>
    public async Task<ComparisonResult> MeasureAsync(IReadOnlyList<HelloImage> images, CancellationToken cancellationToken)
    {
        await engine.FindAsync(cancellationToken);
        var candidates = images.Select(image => new Candidate(image, $"{_id}:{image.Name}")).ToArray();
        try
        {
            foreach (var candidate in candidates)
            {
                await TryAsync(candidate, BuildAsync, cancellationToken);
            }

            for (var run = 0; run < runs; run++)
            {
                // Interleaved, and each build first in its turn: what slows the machine down for a while slows all of them.
                for (var turn = 0; turn < candidates.Length; turn++)
                {
                    var candidate = candidates[(run + turn) % candidates.Length];
                    progress($"Run {run + 1} of {runs}: {candidate.Image.Name} ...");
                    await TryAsync(candidate, (c, ct) => RunAsync(c, candidates.Select(o => o.Reference), ct), cancellationToken);
                }
            }

            return new(
                [.. candidates.Select(c => c.Summarize())],
                _failures,
                new(
                    DateTimeOffset.UtcNow,
                    Conditions.DescribeMachine(),
                    await DescribeEngineAsync(cancellationToken),
                    Format.Invariant(
                        $"medians of {runs} interleaved starts of each image; load of {Load.Requests:N0} requests over {Load.Connections} connections from the same machine, after {WarmUp.Requests:N0} to warm up; no telemetry sent; compressed sizes with gzip"),
                    [.. candidates.SelectMany(c => c.Facts?.StandIns ?? []).Distinct()]));
        }
        finally
        {
            await CleanUpAsync(candidates);
        }
    }

    private async Task TryAsync(Candidate candidate, Func<Candidate, CancellationToken, Task> measure, CancellationToken cancellationToken)
    {
        // One reason is enough: what fails once is not tried again.
        if (candidate.HasFailed)
        {
            return;
        }

        try
        {
            await measure(candidate, cancellationToken);
        }
        catch (MeasurementException e)
        {
            candidate.HasFailed = true;
            _failures.Add($"{candidate.Image.Name} could not be measured: {e.Message}");
        }
    }

    private async Task BuildAsync(Candidate candidate, CancellationToken cancellationToken)
    {
        progress($"Building {candidate.Image.Name} without cache ...");
        var clock = Stopwatch.StartNew();
        await engine.RunAsync(
            ["build", "--no-cache", "--file", candidate.Image.Dockerfile, "--tag", candidate.Reference, candidate.Image.Context], cancellationToken);
        candidate.BuildTime = clock.Elapsed;
        progress(Format.Invariant($"Built {candidate.Image.Name} in {clock.Elapsed.TotalSeconds:N1} s; reading it ..."));
        candidate.Facts = await inspector.InspectImageAsync(candidate.Image, candidate.Reference, cancellationToken);
    }

    private async Task RunAsync(Candidate candidate, IEnumerable<string> helpers, CancellationToken cancellationToken)
    {
        var container = $"{_id}-{candidate.Image.Name}";
        // A port chosen here, so that the first question need not wait for the engine to tell it.
        var port = FreePort();
        var hello = new Uri($"http://127.0.0.1:{port}/hello");
        await engine.RunAsync(["container", "create", "--name", container, "--publish", $"127.0.0.1:{port}:8080", candidate.Reference], cancellationToken);
        try
        {
            candidate.FirstHellos.Add(await StartAsync(container, hello, cancellationToken));
            await Task.Delay(Settling, cancellationToken);
            var process = await inspector.InspectProcessAsync(container, helpers, cancellationToken);
            candidate.Process ??= process;
            candidate.MemoryAfterStart.Add(process.ResidentBytes);

            await SendAsync(WarmUp);
            candidate.Loads.Add(await SendAsync(Load));
            candidate.MemoryUnderLoad.Add((await inspector.InspectProcessAsync(container, helpers, cancellationToken)).PeakResidentBytes);
        }
        finally
        {
            await RemoveAsync("container", container);
        }

        async Task<LoadResult> SendAsync(LoadOptions load)
        {
            var result = await LoadBurst.SendAsync(hello, load, progress: null, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            return result.Errors == 0
                ? result
                : throw new MeasurementException(Format.Invariant($"{result.Errors:N0} of {result.Sent:N0} requests under load were not answered with 200."));
        }
    }

    private async Task<TimeSpan> StartAsync(string container, Uri hello, CancellationToken cancellationToken)
    {
        // Not asked at before the engine says that it has started, some milliseconds after it has: a packet for an
        // address that nobody has yet makes the kernel wait for a second: arp(7).
        await engine.RunAsync(["container", "start", container], cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        try
        {
            var answered = await FirstHello.WaitAsync(hello, limit.Token);
            var (_, started, _) = await inspector.FindStartedAsync(container, cancellationToken);
            return answered > started
                ? answered - started
                : throw new MeasurementException("it answered before it was started: the container engine's clock differs from this machine's.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeasurementException(Format.Invariant($"/hello was not answered with 200 within {AnswerLimit.TotalSeconds:N0} s of its start."));
        }
    }

    private async Task<string> DescribeEngineAsync(CancellationToken cancellationToken)
    {
        var name = await engine.FindAsync(cancellationToken);
        // docker: {"Client":{…},"Server":{"Version":"28.2.2",…}}, podman: {"Client":{"Version":"5.4.0",…}}
        using var version = JsonDocument.Parse(await engine.RunAsync(["version", "--format", "{{json .}}"], cancellationToken));
        var component = version.RootElement.TryGetProperty("Server", out var server) && server.ValueKind == JsonValueKind.Object ? server : version.RootElement.GetProperty("Client");
        return $"{name} {component.GetProperty("Version").GetString()}";
    }

    /// <summary>A port of the loopback address that nobody listens on.</summary>
    /// <returns>Its number.</returns>
    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Also what a command that was ended half-way has made in the meantime.</summary>
    private async Task CleanUpAsync(Candidate[] candidates)
    {
        progress("Cleaning up ...");
        foreach (var candidate in candidates)
        {
            await RemoveAsync("container", $"{_id}-{candidate.Image.Name}");
            await RemoveAsync("image", candidate.Reference);
        }
    }

    private async Task RemoveAsync(string kind, string name)
    {
        try
        {
            await engine.RemoveAsync(kind, name);
        }
        catch (MeasurementException e)
        {
            _failures.Add(e.Message);
        }
    }

    /// <summary>A build, and what has been measured of it so far.</summary>
    private sealed class Candidate(HelloImage image, string reference)
    {
        public HelloImage Image => image;

        public string Reference => reference;

        public bool HasFailed { get; set; }

        public TimeSpan? BuildTime { get; set; }

        public ImageFacts? Facts { get; set; }

        public ProcessFacts? Process { get; set; }

        public List<TimeSpan> FirstHellos { get; } = [];

        public List<long> MemoryAfterStart { get; } = [];

        public List<long> MemoryUnderLoad { get; } = [];

        public List<LoadResult> Loads { get; } = [];

        public Measurements Summarize() => new(image)
        {
            Image = Facts,
            Process = Process,
            BuildTime = BuildTime,
            FirstHello = Median(FirstHellos),
            MemoryAfterStart = Median(MemoryAfterStart),
            MemoryUnderLoad = Median(MemoryUnderLoad),
            RequestsPerSecond = Median(Loads.Select(l => l.RequestsPerSecond)),
            LatencyP50 = Median(Loads.Select(l => l.Percentile(50)!.Value)),
            LatencyP99 = Median(Loads.Select(l => l.Percentile(99)!.Value)),
        };

        /// <summary>The middle value; of an even number the lower of the two in the middle, which has been seen.</summary>
        private static T? Median<T>(IEnumerable<T> values)
            where T : struct
        {
            var sorted = values.Order().ToArray();
            return sorted.Length == 0 ? null : sorted[(sorted.Length - 1) / 2];
        }
    }
}
