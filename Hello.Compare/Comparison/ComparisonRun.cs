namespace Hello.Compare.Comparison;

/// <summary>Builds the images without cache, runs them one at a time and measures them.</summary>
internal sealed class ComparisonRun(
    ContainerEngine engine, int runs, int loadMilliseconds, TimeSpan? timeout, Action<string> progress, Action<string> error)
{
    public const int DefaultRuns = 5;

    public const int DefaultLoadMilliseconds = 3_000;

    /// <summary>If there is no answer by then, it looks from time to time whether there can be one.</summary>
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(2);

    /// <summary>The engine notes the end of a container a moment late.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(3);

    /// <summary>Names the images and containers of this run, so that they differ from all others.</summary>
    private readonly string _id = TemporaryResources.NewName("compare");

    private readonly LoadOptions _load = new() { Requests = int.MaxValue, Duration = TimeSpan.FromMilliseconds(loadMilliseconds), Connections = 32, WarmUp = true };

    private readonly Spread _warmUps = new();

    private string _machine = "no container could be started";

    /// <summary>Measures images, and removes all images and containers that it made.</summary>
    public async Task<ComparisonResult> MeasureAsync(IReadOnlyList<ComparedImage> images, CancellationToken cancellationToken)
    {
        var description = await engine.DescribeAsync(cancellationToken);
        MeasuredImage[] measured = [.. images.Select((image, i) => new MeasuredImage(image, _id, TagOf(image, i)))];
        using var inspector = new ImageInspector(engine);
        var made = new TemporaryResources(engine, error);
        await using (made)
        {
            foreach (var image in measured)
            {
                await TryAsync(image, () => ReadAsync(image, inspector, made, cancellationToken), cancellationToken);
            }

            await Interleaving.RunAsync(measured, runs, (image, round) => TryAsync(
                image,
                () =>
                {
                    image.Round = Format.Invariant($"Run {round} of {runs}: {image.Compared.Name}");
                    progress($"{image.Round} ...");
                    return RunAsync(image, made, cancellationToken);
                },
                cancellationToken));
            progress("Cleaning up ...");
        }

        string[] standIns = [.. measured.SelectMany(m => m.Figures.Image?.StandIns ?? []).Distinct()];
        return new([.. measured.Select(m => m.Figures)], new(DateTimeOffset.UtcNow, _machine, description, DescribeMethod(), standIns), made.LeftBehind);
    }

    private string DescribeMethod()
    {
        var warmUp = _warmUps.Count == 0 ? "some seconds" : Format.Invariant($"{_warmUps.Range.Lowest:N1} to {_warmUps.Range.Highest:N1} s");
        return Format.Invariant($"medians of {runs} interleaved starts of each image, each with the options of its container, ")
            + "measured by a neighbour in the container's own network; start to first hello counted from the engine's StartedAt, which is known to 5 ms; "
            + Format.Invariant($"load over {_load.Connections} connections for {_load.Duration.TotalSeconds:0.#} s, after {warmUp} to warm up, until the rate was steady; ")
            + "resident memory, in which pages that several processes share count once; no telemetry sent; compressed sizes with gzip; "
            + "a ratio only where the ranges of the runs do not overlap, even if each is made twice as wide";
    }

    private async Task TryAsync(MeasuredImage image, Func<Task> measure, CancellationToken cancellationToken)
    {
        // An image that failed once is not measured again. One error about it is enough.
        if (image.Figures.HasFailed)
        {
            return;
        }

        try
        {
            await measure();
        }
        catch (MeasurementException e)
        {
            image.Figures.HasFailed = true;
            var host = $"linux/{await engine.GetArchitectureAsync(cancellationToken)}";
            var platform = image.Figures.IsEmulated ? $"it is for {image.Figures.Image!.Platform}, and this machine runs {host}: " : "";
            image.Figures.Reasons.Add(platform + e.Message);
        }
    }

    /// <summary>A name for tags and containers. Those of the builds are easy to recognise.</summary>
    private static string TagOf(ComparedImage image, int index) =>
        HelloImage.IsName(image.Name) ? image.Name : Format.Invariant($"image-{index + 1}");

    private async Task ReadAsync(MeasuredImage image, ImageInspector inspector, TemporaryResources made, CancellationToken cancellationToken)
    {
        if (image.Compared.Dockerfile is { } dockerfile)
        {
            made.Add("image", image.Reference);
            string[] build = ["--file", dockerfile, "--tag", image.Reference, image.Compared.Context!];
            // With a cache and not timed, so that the base images are there, wherever the builder keeps them.
            progress($"Building {image.Compared.Name} to have its base images ...");
            await engine.BuildAsync(build, cancellationToken);
            progress($"Building {image.Compared.Name} without cache ...");
            var buildTime = await engine.BuildAsync(["--no-cache", .. build], cancellationToken);
            image.Figures.Add(Figure.BuildTime, buildTime.TotalSeconds);
        }

        progress($"Reading {image.Compared.Name} ...");
        try
        {
            image.Figures.Image = await inspector.InspectImageAsync(image.Reference, image.Compared.Dockerfile, cancellationToken);
            image.Figures.IsEmulated = ImagePlatform.IsEmulated(image.Figures.Image.Platform, await engine.GetArchitectureAsync(cancellationToken));
        }
        catch (MeasurementException e) when (image.Compared.Dockerfile is null && ContainerEngine.IsNoImage(e))
        {
            var command = await engine.FindAsync(cancellationToken);
            throw new MeasurementException($"it is not on this machine. Pull it with '{command} pull {image.Reference}', or build it.", e);
        }
    }

    private async Task RunAsync(MeasuredImage image, TemporaryResources made, CancellationToken cancellationToken)
    {
        var (container, port, path) = (image.Container, image.Port, image.Compared.Path);
        // It has the network before the container starts, so it sees the first answer.
        await using var network = await ProbeContainer.StartAsync(engine, image.Compared.Options.Network, made.Report, cancellationToken);
        _machine = await network.DescribeMachineAsync(cancellationToken);
        if (await network.AnyListensAsync(port, cancellationToken))
        {
            throw new MeasurementException($"another program listens on port {port} of the network that --network names. Leave out --network.");
        }

        var answering = network.WaitForAnswerAsync(port, path, cancellationToken);
        made.Add("container", container);
        ProbeContainer? probe = null;
        try
        {
            var started = await StartAsync(image, network, cancellationToken);
            var last = "";
            for (var clock = Stopwatch.StartNew(); await Task.WhenAny(answering, Task.Delay(LookPause, cancellationToken)) != answering;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await ThrowIfEndedAsync(image, TimeSpan.Zero, cancellationToken);
                probe ??= await ProbeContainer.StartBesideAsync(engine, container, made.Report, cancellationToken);
                image.Figures.Process ??= await probe.ReadProcessesAsync(cancellationToken);
                var look = await probe.LookAsync(port, path, cancellationToken);
                var (seen, advice, limit) = Judge(look, port, path);
                if (clock.Elapsed >= limit && look.Status is not (>= 200 and < 300))
                {
                    throw new MeasurementException($"{seen}. {advice}".TrimEnd());
                }

                if (seen != last)
                {
                    progress(Format.Invariant($"{image.Round}: {last = seen}, after {clock.Elapsed.TotalSeconds:N0} s of {limit.TotalSeconds:N0} ..."));
                }
            }

            image.Figures.Add(Figure.FirstHello, (await answering - started).TotalSeconds);
            probe ??= await ProbeContainer.StartBesideAsync(engine, container, made.Report, cancellationToken);
            await Task.Delay(ProbeContainer.Settling, cancellationToken);
            await MeasureAsync(image, probe, cancellationToken);
        }
        catch (MeasurementException)
        {
            // If the container has ended, this is the reason, and everything else a consequence.
            await ThrowIfEndedAsync(image, EndPatience, cancellationToken);
            throw;
        }
        finally
        {
            if (probe is not null)
            {
                await probe.DisposeAsync();
            }

            await made.RemoveAsync("container", container);
        }
    }

    /// <summary>Starts the container. The last of two equal options counts, so an option of the user changes neither the name nor the network.</summary>
    /// <returns>The start of its program, by the engine's clock.</returns>
    private async Task<DateTimeOffset> StartAsync(MeasuredImage image, ProbeContainer network, CancellationToken cancellationToken)
    {
        var options = image.Compared.Options;
        var result = await engine.TryRunAsync(
            [
                "container", "run", "--platform", image.Figures.Image!.Platform, .. options.Other, "--detach", "--pull", "never", "--rm=false", "--restart", "no",
                "--name", image.Container, .. network.NetworkOptions, image.Reference,
            ],
            cancellationToken);
        if (result.ExitCode != 0)
        {
            throw new MeasurementException($"'{await engine.FindAsync(cancellationToken)} run' ended with {result.ExitCode}: {options.Hide(result.Reason)}");
        }

        var answer = await engine.InspectAsync<ContainerAnswer>("container", image.Container, cancellationToken);
        return answer.HostConfig.PidMode is { } mode and not ("" or "private")
            ? throw new MeasurementException($"with --pid={mode}, its processes cannot be told from those of others. Leave it out.")
            : answer.State.StartedAt;
    }

    private async Task MeasureAsync(MeasuredImage image, ProbeContainer probe, CancellationToken cancellationToken)
    {
        image.Figures.Process = await probe.ReadProcessesAsync(cancellationToken);
        image.Figures.Add(Figure.MemoryAfterStart, image.Figures.Process.ResidentBytes);
        var look = await probe.LookAsync(image.Port, image.Compared.Path, cancellationToken);
        IPEndPoint[] here = [.. look.Listening.Select(IPEndPoint.Parse).Where(l => l.Port == image.Port)];
        if (here.Length > 0 && here.All(l => IPAddress.IsLoopback(l.Address)))
        {
            image.Figures.Reasons.Add($"it listens on port {image.Port} of {here[0].Address} only, which nothing outside its container reaches. Make it listen on 0.0.0.0.");
        }

        var load = await probe.SendLoadAsync(image.Port, image.Compared.Path, _load, cancellationToken);
        if (load.Errors > 0)
        {
            await ThrowIfEndedAsync(image, EndPatience, cancellationToken);
            var state = (await engine.InspectAsync<ContainerAnswer>("container", image.Container, cancellationToken)).State;
            var why = state.OOMKilled ? ": a process needed more memory than the limit, and was killed" : "";
            if (load.P50 is null)
            {
                throw new MeasurementException(Format.Invariant($"none of {load.Sent:N0} requests under load was answered with success{why}."));
            }

            // The figures are those of the other requests.
            image.Figures.Reasons.Add(Format.Invariant($"it did not answer {load.Errors:N0} of {load.Sent:N0} requests under load with success{why}."));
        }

        _warmUps.Add(load.WarmUp.TotalSeconds);
        image.Figures.Add(Figure.RequestsPerSecond, load.RequestsPerSecond);
        image.Figures.Add(Figure.LatencyP50, load.P50!.Value.TotalSeconds);
        image.Figures.Add(Figure.LatencyP99, load.P99!.Value.TotalSeconds);
        image.Figures.Add(Figure.MemoryUnderLoad, (await probe.ReadProcessesAsync(cancellationToken)).PeakResidentBytes);
    }

    private async Task ThrowIfEndedAsync(MeasuredImage image, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (await ContainerEnd.FindAsync(engine, image.Container, image.Compared.Options.Hide, patience, cancellationToken) is { } end)
        {
            throw new MeasurementException($"its container does not run: {end}");
        }
    }

    /// <summary>Describes a container that does not answer with success, and how long it may stay so. A program that starts may need some time.</summary>
    private (string Seen, string Advice, TimeSpan Limit) Judge(Look look, int port, string path)
    {
        var longest = timeout ?? TimeSpan.FromSeconds(120);
        var shorter = timeout ?? TimeSpan.FromSeconds(30);
        var refusing = TimeSpan.FromSeconds(Math.Min(30, longest.TotalSeconds));
        const string OtherPath = "Name another path with --path.";
        const string MoreTime = "If it needs longer, give it more time with --timeout.";
        var listening = look.Listening.Select(IPEndPoint.Parse).ToArray();
        var here = listening.Where(l => l.Port == port).Select(l => l.Address).ToArray();
        return look switch
        {
            { Answer: PortAnswer.Tls } => ($"port {port} speaks TLS", "Name a port that speaks plain HTTP with --port.", TimeSpan.Zero),
            { Answer: PortAnswer.Http2 } => ($"port {port} speaks HTTP/2 only", "Name a port that speaks HTTP/1.1 with --port.", TimeSpan.Zero),
            { Answer: PortAnswer.Closed } => ($"port {port} closes every connection without an answer", "", refusing),
            { Answer: PortAnswer.Other } => ($"port {port} does not answer with HTTP", "", refusing),
            { Status: { } status } => ($"{path} is answered with {status}, not with 200", OtherPath, status < 500 ? shorter : longest),
            _ when here.Length > 0 && !here.Any(a => a.Equals(IPAddress.Any) || a.Equals(IPAddress.IPv6Any) || a.Equals(IPAddress.Loopback)) =>
                ($"it listens on port {port} of {here[0]} only", "Make it listen on 0.0.0.0.", shorter),
            _ when here.Length > 0 => ($"{path} is not answered", MoreTime, longest),
            _ when listening.Length > 0 =>
                ($"it listens on port {string.Join(" and ", listening.Select(l => l.Port).Distinct().Order())}, not on {port}", "Name the port with --port.", shorter),
            _ => ("it does not listen on a port", MoreTime, longest),
        };
    }

    private sealed class MeasuredImage(ComparedImage image, string run, string tag)
    {
        public ComparedImage Compared => image;

        public string Reference => image.Reference ?? $"{run}:{tag}";

        public string Container => $"{run}-{tag}";

        public int Port => image.Port ?? (Figures.Image?.Ports is [var only] ? only : HelloImage.Port);

        public string Round { get; set; } = "";

        public Measurements Figures { get; } = new(image.Name);
    }
}
