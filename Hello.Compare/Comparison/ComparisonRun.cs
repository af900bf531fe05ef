using System.Diagnostics;
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
/// <param name="answerLimit">How long a container may take from its start to its first answer.</param>
/// <param name="progress">Receives one line about each step.</param>
/// <param name="error">Receives one line about each image or container that could not be removed.</param>
internal sealed class ComparisonRun(
    ContainerEngine engine, ImageInspector inspector, int runs, TimeSpan answerLimit, Action<string> progress, Action<string> error)
{
    /// <summary>About how long a build without cache, reading an image and a run take, in relation to each other.</summary>
    private const int BuildWork = 15;

    private const int ReadWork = 2;

    private const int RunWork = 2;

    /// <summary>Receives the part of the work that is done, from 0 to 1.</summary>
    public Action<double>? Done { get; init; }

    /// <summary>Sent first and not measured, because a JIT-compiled process gets faster during its first thousands of requests.</summary>
    private static readonly LoadOptions WarmUp = new() { Requests = 2_000, Duration = TimeSpan.FromSeconds(5) };

    private static readonly LoadOptions Load = new() { Requests = 5_000, Duration = TimeSpan.FromSeconds(10) };

    /// <summary>If there is no answer by then, it looks from time to time whether there can be one.</summary>
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(2);

    /// <summary>A program may answer with errors, or listen elsewhere first, while it starts. After this time, it hardly still does.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(15);

    /// <summary>Lets the process finish the work of its start that goes on after the first answer.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    /// <summary>Names the images and containers of this run, so that they differ from all others.</summary>
    private readonly string _id = TemporaryResources.NewName("compare");

    private readonly List<string> _failures = [];

    private readonly List<string> _reading = [];

    /// <summary>Why no container can be measured while it runs; null if nothing speaks against it.</summary>
    private string? _portsElsewhere;

    private bool _clocksDiffer;

    /// <summary>The number of requests of each load. It is lower than planned if the time limit came first.</summary>
    private readonly Spread<int> _requests = new();

    /// <summary>Measures images, and removes all images and containers that it made.</summary>
    /// <param name="images">The images. The first is the reference.</param>
    /// <param name="cancellationToken">Ends the measuring. Images and containers are still removed.</param>
    /// <exception cref="MeasurementException">No engine answers.</exception>
    public async Task<ComparisonResult> MeasureAsync(IReadOnlyList<ComparedImage> images, CancellationToken cancellationToken)
    {
        await engine.FindAsync(cancellationToken);
        _portsElsewhere = await engine.FindPortsElsewhereAsync(cancellationToken);
        if (_portsElsewhere is not null)
        {
            progress($"Only the images are measured. {_portsElsewhere}");
        }

        MeasuredImage[] measured = [.. images.Select((image, i) => new MeasuredImage(image, _id, TagOf(image, i)))];
        var made = new TemporaryResources(engine, error);
        await using (made)
        {
            var (work, total) = (0, measured.Sum(m => WorkBefore(m) + (runs * RunWork)));
            foreach (var image in measured)
            {
                await TryAsync(image, () => ReadAsync(image, made, cancellationToken));
                Add(WorkBefore(image));
            }

            static int WorkBefore(MeasuredImage image) => ReadWork + (image.Compared.Dockerfile is null ? 0 : BuildWork);

            void Add(int more) => Done?.Invoke((double)(work += more) / total);

            await Interleaving.RunAsync(measured, runs, async (image, round) =>
            {
                await TryAsync(image, () =>
                {
                    if (_portsElsewhere is not null)
                    {
                        return Task.CompletedTask;
                    }

                    progress($"Run {round} of {runs}: {image.Compared.Name} ...");
                    return RunAsync(image, measured.Select(m => m.Reference), made, cancellationToken);
                });
                Add(RunWork);
            });
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
                .. measured.Select(m => m.Summarize()).Select(m => m with
                {
                    // The time would be that of another machine, but stand beside the name of this one.
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
                [.. measured.SelectMany(m => m.Facts?.StandIns ?? []).Distinct()],
                _reading.Count == 0 ? null : $"{string.Join(", ", _reading)}; the memory of this program was {Format.Bytes(PeakMemory())} at most"),
            made.LeftBehind);
    }

    /// <summary>The peak of this program's resident memory, in bytes.</summary>
    private static long PeakMemory()
    {
        using var program = Process.GetCurrentProcess();
        return program.PeakWorkingSet64;
    }

    private string DescribeRequests()
    {
        var (lowest, highest) = _requests.IsEmpty ? (Load.Requests, Load.Requests) : _requests.Range;
        return lowest == highest ? Format.Invariant($"{highest:N0}") : Format.Invariant($"{lowest:N0} to {highest:N0}, for {Load.Duration.TotalSeconds:N0} s at most,");
    }

    private async Task TryAsync(MeasuredImage image, Func<Task> measure)
    {
        // A build that failed once is not measured again. One error about it is enough.
        if (image.HasFailed)
        {
            return;
        }

        try
        {
            await measure();
        }
        catch (MeasurementException) when (_portsElsewhere is not null && image.Facts is not null)
        {
            // This concerns all images. It is reported once, at the end.
        }
        catch (MeasurementException e)
        {
            image.HasFailed = true;
            var host = ImagePlatform.Host.ToString();
            var platform = image.Facts is { Platform: var other } && other != host ? $"it is for {other}, and this machine runs {host}: " : "";
            _failures.Add($"{image.Compared.Name} could not be measured: {platform}{e.Message}");
        }
    }

    /// <summary>A name for tags and containers. Those of the builds are easy to recognise.</summary>
    private static string TagOf(ComparedImage image, int index) =>
        image.Name.Length > 0 && image.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && image.Name[0] != '-' ? image.Name : Format.Invariant($"image-{index + 1}");

    private async Task ReadAsync(MeasuredImage image, TemporaryResources made, CancellationToken cancellationToken)
    {
        if (image.Compared.Dockerfile is { } dockerfile)
        {
            progress($"Building {image.Compared.Name} without cache ...");
            made.Add("image", image.Reference);
            var buildTime = await engine.BuildAsync(
                ["--no-cache", "--file", dockerfile, "--tag", image.Reference, image.Compared.Context!], cancellationToken);
            image.BuildTime = buildTime;
            progress(Format.Invariant($"Built {image.Compared.Name} in {buildTime.TotalSeconds:N1} s; reading it ..."));
        }
        else
        {
            progress($"Reading {image.Compared.Name} ...");
        }

        try
        {
            var clock = Stopwatch.StartNew();
            image.Facts = await inspector.InspectImageAsync(image.Reference, image.Compared.Dockerfile, cancellationToken);
            var read = Format.Invariant($"{image.Compared.Name}: {Format.Bytes(image.Facts.UnpackedBytes)} in {clock.Elapsed.TotalSeconds:N1} s");
            progress($"Read {read}.");
            if (image.Compared.Dockerfile is null)
            {
                _reading.Add(read);
            }
        }
        catch (MeasurementException e)
            when (image.Compared.Dockerfile is null && e.Message.Contains("no such image", StringComparison.OrdinalIgnoreCase))
        {
            var command = await engine.FindAsync(cancellationToken);
            throw new MeasurementException($"it is not on this machine. Pull it with '{command} pull {image.Reference}', or build it.", e);
        }
    }

    private async Task RunAsync(MeasuredImage image, IEnumerable<string> helpers, TemporaryResources made, CancellationToken cancellationToken)
    {
        var container = image.Container;
        var port = image.Compared.Port ?? (image.Facts!.Ports is [var only] ? only : HelloImage.Port);
        // The port is chosen here. If the engine chose it, the first request would have to wait until the engine tells the port.
        var address = new IPEndPoint(IPAddress.Loopback, LocalPort.FindFree());
        made.Add("container", container);
        await engine.RunAsync(
            ["container", "create", "--name", container, "--publish", $"{address}:{port}", .. image.Compared.RunOptions, image.Reference],
            cancellationToken);
        try
        {
            image.FirstHellos.Add(await StartAsync(container, address, image.Compared.Path, port, cancellationToken));
            await Task.Delay(Settling, cancellationToken);
            var process = await inspector.InspectProcessAsync(container, helpers, cancellationToken);
            image.Process ??= process;
            image.MemoryAfterStart.Add(process.ResidentBytes);

            await SendAsync(WarmUp);
            var load = await SendAsync(Load);
            _requests.Add(load.Sent);
            if (load.Latencies.Count == 0)
            {
                throw new MeasurementException(Format.Invariant($"none of {load.Sent:N0} requests under load got an answer with 200."));
            }

            if (load.Errors > 0 && !image.HasErrors)
            {
                image.HasErrors = true;
                _failures.Add(Format.Invariant(
                    $"{image.Compared.Name}: {load.Errors:N0} of {load.Sent:N0} requests under load, which did not get an answer with 200."));
            }

            image.RequestsPerSecond.Add(load.RequestsPerSecond);
            image.LatencyP50.Add(load.Percentile(50)!.Value);
            image.LatencyP99.Add(load.Percentile(99)!.Value);
            image.MemoryUnderLoad.Add((await inspector.InspectProcessAsync(container, helpers, cancellationToken)).PeakResidentBytes);
        }
        finally
        {
            await made.RemoveAsync("container", container);
        }

        async Task<LoadResult> SendAsync(LoadOptions load)
        {
            var result = await LoadBurst.SendAsync(new($"http://{address}{image.Compared.Path}"), load, progress: null, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            return result;
        }
    }

    private async Task<TimeSpan> StartAsync(string container, IPEndPoint address, string path, int port, CancellationToken cancellationToken)
    {
        // The first request is sent after the engine has started the container. A packet to an address that does not exist yet
        // makes the kernel wait for a second: arp(7).
        var asked = DateTimeOffset.UtcNow;
        await engine.RunAsync(["container", "start", container], cancellationToken);
        var told = DateTimeOffset.UtcNow;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(answerLimit);
        int? refused = null;
        try
        {
            var answering = FirstHello.WaitAsync(address, path, FirstHello.Pause, limit.Token, status => refused = status);
            while (await Task.WhenAny(answering, Task.Delay(LookPause, limit.Token)) != answering)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var waited = limit.IsCancellationRequested ? answerLimit : DateTimeOffset.UtcNow - told;
                if (await FindReasonAsync(container, address, path, port, refused, waited, cancellationToken) is { } reason)
                {
                    throw new MeasurementException(reason);
                }
            }

            var answered = await answering;
            var (_, started, _) = await inspector.FindStartedAsync(container, cancellationToken, port);
            // If the clocks agree, the container started while this program waited for the engine to start it.
            _clocksDiffer |= started < asked - FirstHello.EngineResolution || started > told + FirstHello.EngineResolution;
            return answered - started;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeasurementException(
                await FindReasonAsync(container, address, path, port, refused, answerLimit, cancellationToken)
                ?? Format.Invariant($"{path} did not answer with 200 within {answerLimit.TotalSeconds:N0} s of the start. Give it more time with --timeout."));
        }
        finally
        {
            await limit.CancelAsync();
        }
    }

    /// <summary>Looks whether an answer can still come.</summary>
    /// <param name="refused">The status of an answer that is no success; null if there was none.</param>
    /// <param name="waited">How long the container has been running.</param>
    /// <returns>Why no answer comes, in one line; null if nothing speaks against it.</returns>
    private async Task<string?> FindReasonAsync(string container, IPEndPoint address, string path, int port, int? refused, TimeSpan waited, CancellationToken cancellationToken)
    {
        if (await inspector.FindEndAsync(container, cancellationToken) is { } end)
        {
            return $"its container does not run: {end}";
        }

        await inspector.FindStartedAsync(container, cancellationToken, port);
        // For example, this program runs in a container and uses the engine that runs the container.
        if (LocalPort.TryListen(address) == SocketError.Success)
        {
            return _portsElsewhere = $"The container engine runs {container} and publishes its port {address.Port}, but on this machine the port is free. Run the program where the engine publishes the ports.";
        }

        if (waited < Shorter(StartLimit, answerLimit))
        {
            return null;
        }

        // A status of 500 or more may pass: the program says that it is not ready.
        if (refused is { } status && (status < 500 || waited >= answerLimit))
        {
            return Format.Invariant($"{path} is answered with {status}, not with 200. Name another path with --path.");
        }

        var listening = await inspector.FindListeningAsync(container, cancellationToken);
        var here = listening.Where(l => l.Port == port).ToArray();
        return here.Length > 0
            ? here.All(l => IPAddress.IsLoopback(l.Address)) ? Format.Invariant($"it listens on port {port} of {here[0].Address} only, which nothing outside its container reaches. Make it listen on 0.0.0.0.") : null
            : listening.Select(l => l.Port).Distinct().Order().ToArray() is { Length: > 0 } others ? Format.Invariant($"it listens on port {string.Join(" and ", others)}, not on {port}. Name the port with --port.")
            : waited >= answerLimit ? Format.Invariant($"it did not listen on a port within {answerLimit.TotalSeconds:N0} s of the start. If it needs longer, give it more time with --timeout.")
            : null;

        static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
    }

    /// <summary>An image and its measurements so far.</summary>
    private sealed class MeasuredImage(ComparedImage image, string run, string tag)
    {
        public ComparedImage Compared => image;

        public string Reference => image.Reference ?? $"{run}:{tag}";

        public string Container => $"{run}-{tag}";

        public bool HasFailed { get; set; }

        /// <summary>Whether a request under load had no answer with 200. The figures are those of the others.</summary>
        public bool HasErrors { get; set; }

        public TimeSpan? BuildTime { get; set; }

        public ImageFacts? Facts { get; set; }

        public ProcessFacts? Process { get; set; }

        public Spread<TimeSpan> FirstHellos { get; } = new();

        public Spread<long> MemoryAfterStart { get; } = new();

        public Spread<long> MemoryUnderLoad { get; } = new();

        public Spread<double> RequestsPerSecond { get; } = new();

        public Spread<TimeSpan> LatencyP50 { get; } = new();

        public Spread<TimeSpan> LatencyP99 { get; } = new();

        public Measurements Summarize() => new(image.Name)
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
            Ranges = new Dictionary<string, (double, double)>(
            [
                .. RangeOf(Figure.FirstHello, FirstHellos, t => t.TotalMilliseconds),
                .. RangeOf(Figure.MemoryAfterStart, MemoryAfterStart, b => b),
                .. RangeOf(Figure.MemoryUnderLoad, MemoryUnderLoad, b => b),
                .. RangeOf(Figure.RequestsPerSecond, RequestsPerSecond, r => r),
                .. RangeOf(Figure.LatencyP50, LatencyP50, t => t.TotalMilliseconds),
                .. RangeOf(Figure.LatencyP99, LatencyP99, t => t.TotalMilliseconds),
            ]),
        };

        private static IEnumerable<KeyValuePair<string, (double, double)>> RangeOf<T>(Figure figure, Spread<T> spread, Func<T, double> number)
            where T : struct, IComparable<T> => spread.IsEmpty ? [] : [new(figure.Name, (number(spread.Range.Lowest), number(spread.Range.Highest)))];
    }
}
