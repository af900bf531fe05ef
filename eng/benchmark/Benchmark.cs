#:project ../../Hello.AppHost/Hello.AppHost.csproj
#:property PublishAot=false

using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hello.AppHost;
using Hello.AppHost.Comparison;
using Hello.AppHost.Engine;
using Hello.AppHost.Facts;
using Microsoft.Extensions.Configuration;

const string FilePrefix = "Dockerfile-";
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!; // where this file is: https://learn.microsoft.com/dotnet/core/sdk/file-based-apps
var root = Path.GetFullPath("../..", folder);
string[] known = [.. Directory.EnumerateFiles(root, $"{FilePrefix}*").Select(f => Path.GetFileName(f)[FilePrefix.Length..]).Order(StringComparer.Ordinal)];

var runs = Number("--runs", "How often each is put under load, 1 to 100", 3);
var starts = Number("--starts", "How often each is started, 1 to 100", 10);
var images = new Option<string>("--images") { Description = "The images to measure, by the suffixes of their Dockerfiles", HelpName = "A,B,…", DefaultValueFactory = _ => string.Join(',', known) };
images.Validators.Add(result =>
{
    foreach (var name in (result.Tokens is [{ Value: var list }] ? list.Split(',') : []).Except(known))
    {
        result.AddError($"--images must be of {string.Join(',', known)}, not '{name}'.");
    }
});
var command = new RootCommand("Measures the images against the walkthrough's Go application; prints a table and writes it to artifacts/benchmark.md.") { runs, starts, images };
command.SetAction((parsed, cancellationToken) => MeasureAsync(parsed.GetValue(runs), parsed.GetValue(starts), parsed.GetValue(images)!.Split(','), cancellationToken));

var parsed = command.Parse(args);
if (parsed.Errors.Count > 0)
{
    return Fail(1, $"{string.Join(' ', parsed.Errors.Select(e => e.Message))} '--help' lists the options.");
}

// So that what was made can be removed after Ctrl+C.
return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });

async Task<int> MeasureAsync(int runs, int starts, string[] images, CancellationToken cancellationToken)
{
    try
    {
        if (Machine.Missing().ToArray() is { Length: > 0 } missing)
        {
            return Fail(1, missing);
        }

        var artifacts = Directory.CreateDirectory(Path.Combine(root, "artifacts")); // before minutes of measuring, should it be impossible
        var markdown = await new BenchmarkRun(root, folder, runs, starts, line => Console.Error.WriteLine(line)).MeasureAsync(images, cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(artifacts.FullName, "benchmark.md"), markdown, cancellationToken);
        Console.Write(markdown);
        return 0;
    }
    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
    {
        return Fail(130, "The benchmark was interrupted; nothing was written."); // as a shell has it of a command that Ctrl+C ended
    }
    catch (Exception e) when (e is MeasurementException or IOException or UnauthorizedAccessException)
    {
        return Fail(1, e.Message);
    }
}

static int Fail(int exitCode, params IEnumerable<string> errors)
{
    foreach (var error in errors)
    {
        Console.Error.WriteLine($"error: {error}");
    }

    return exitCode;
}

static Option<int> Number(string name, string description, int byDefault)
{
    var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => byDefault };
    option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, out var n) && n is >= 1 and <= 100))
        {
            result.AddError($"{name} must be a number from 1 to 100, not '{text}'.");
        }
    });
    return option;
}

/// <summary>Starts the candidates in turns, puts them under load in turns, and writes what came of it.</summary>
/// <param name="root">The repository's folder.</param>
/// <param name="folder">The benchmark's own.</param>
/// <param name="runs">How often each is put under load.</param>
/// <param name="starts">How often each is started.</param>
/// <param name="progress">Receives what is being done, one line each.</param>
internal sealed class BenchmarkRun(string root, string folder, int runs, int starts, Action<string> progress)
{
    private const string Go = "go";
    private const int WarmUpConnections = 32;

    private static readonly int[] Connections = [1, 32, 256];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Load = TimeSpan.FromSeconds(4);

    /// <summary>For what a start or a load leaves to do behind the last answer.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan AnswerPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    private readonly ContainerEngine _engine = new(new ConfigurationBuilder().AddInMemoryCollection([new("ASPIRE_CONTAINER_RUNTIME", "docker")]).Build());

    /// <summary>Tells what belongs to this run from everything else on the machine.</summary>
    private readonly string _id = $"hello-benchmark-{RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8)}";

    private readonly Machine _machine = new();

    /// <summary>Measures.</summary>
    /// <param name="images">Suffixes of the Dockerfiles.</param>
    /// <param name="cancellationToken">Ends the measuring; what it started is removed all the same.</param>
    /// <returns>Table and conditions, in Markdown.</returns>
    /// <exception cref="MeasurementException">Something could not be measured.</exception>
    public async Task<string> MeasureAsync(string[] images, CancellationToken cancellationToken)
    {
        await _engine.FindAsync(cancellationToken);
        using var inspector = new ImageInspector(_engine);
        using var tools = new TemporaryFolder();
        var (go, launcher, program) = (Path.Combine(tools.Path, "go"), Path.Combine(tools.Path, "launcher"), Path.Combine(tools.Path, "receiver"));
        progress("Compiling hello.go, launcher.go, receiver.go ...");
        await BuildGoAsync("hello.go", Path.Combine(go, "hello-go"), cancellationToken);
        await BuildGoAsync("launcher.go", launcher, cancellationToken);
        await BuildGoAsync("receiver.go", program, cancellationToken);
        List<Candidate> candidates = [await BuildAsync(inspector, Go, Path.Combine(folder, "Dockerfile-go"), go, cancellationToken)];
        foreach (var name in images)
        {
            candidates.Add(await BuildAsync(inspector, name, Path.Combine(root, $"Dockerfile-{name}"), root, cancellationToken));
        }

        // From here on, so that the builds have all cores.
        await _machine.PinAsync(cancellationToken);
        await using var receiver = await Receiver.StartAsync(program, cancellationToken);
        await InTurnsAsync("Start", starts, c => RunAsync(c, launcher, receiver, (_, _) => Task.FromResult(0L), cancellationToken));
        await InTurnsAsync("Load", runs, c => RunAsync(c, launcher, receiver, (hello, process) => LoadAsync(c, hello, process, cancellationToken), cancellationToken));
        return await WriteAsync(candidates, cancellationToken);

        // Interleaved, and each first in its turn: what slows the machine down for a while slows all of them.
        async Task InTurnsAsync(string what, int rounds, Func<Candidate, Task> measure)
        {
            for (var round = 0; round < rounds; round++)
            {
                for (var turn = 0; turn < candidates.Count; turn++)
                {
                    var candidate = candidates[(round + turn) % candidates.Count];
                    progress(Format.Invariant($"{what} {round + 1} of {rounds}: {candidate.Name} ..."));
                    await measure(candidate);
                }
            }
        }
    }

    private Task<string> BuildGoAsync(string source, string output, CancellationToken cancellationToken) => CommandLine.RunAsync(
        "go",
        ["build", "-ldflags=-s", "-o", output, Path.Combine(folder, source)],
        cancellationToken,
        environment: [("GO111MODULE", "off"), ("GOPATH", Machine.GoPath), ("CGO_ENABLED", "0")]);

    private async Task<Candidate> BuildAsync(ImageInspector inspector, string name, string dockerfile, string context, CancellationToken cancellationToken)
    {
        progress($"Building {name} ...");
        var image = new HelloImage(name, context, dockerfile, $"demo-app:0.1-{name}");
        await _engine.RunAsync(["build", "--file", dockerfile, "--tag", image.Reference, context], cancellationToken);
        var (id, entrypoint) = ReadImage(await _engine.InspectAsync("image", image.Reference, cancellationToken));
        var candidate = new Candidate(name, id, entrypoint, await inspector.InspectImageAsync(image, image.Reference, cancellationToken));
        candidate.Add("Unpacked size, B", candidate.Image.UnpackedBytes);
        candidate.Add("Compressed size, B", candidate.Image.CompressedBytes);
        return candidate;

        // [{"Id":"sha256:…","Config":{"Entrypoint":["/hello-api"]}}]
        static (string Id, string[] Entrypoint) ReadImage(JsonElement image) =>
            (image.GetProperty("Id").GetString()!, [.. image.GetProperty("Config").GetProperty("Entrypoint").EnumerateArray().Select(e => e.GetString()!)]);
    }

    /// <summary>Runs a container from its start, which is measured, to its end.</summary>
    private async Task RunAsync(Candidate candidate, string launcher, Receiver receiver, Func<Uri, int, Task<long>> measure, CancellationToken cancellationToken)
    {
        var container = $"{_id}-{candidate.Name}";
        // Another at each start: one that was used may still be taken by connections that ended.
        var address = new IPEndPoint(IPAddress.Loopback, ComparisonRun.FreePort());
        string[] environment = candidate.Name == Go
            ? [$"ADDRESS={address}"]
            : [$"ASPNETCORE_URLS=http://{address}", $"OTEL_EXPORTER_OTLP_ENDPOINT={receiver.Endpoint}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", $"OTEL_SERVICE_NAME={candidate.Name}"];
        try
        {
            // The host's network: neither address translation nor a proxy is measured.
            await _engine.RunAsync(
                [
                    "container", "create", "--name", container, "--network", "host", "--cpuset-cpus", _machine.ServerCore, .. environment.SelectMany(e => (string[])["--env", e]),
                    "--volume", $"{launcher}:/launcher:ro", "--entrypoint", "/launcher", candidate.ImageId, .. candidate.Entrypoint,
                ],
                cancellationToken);
            var process = await StartAsync(candidate, container, address, cancellationToken);
            var before = await receiver.CountAsync(cancellationToken);
            var requests = await measure(new($"http://{address}/hello"), process);
            // Not killed: the metrics, which are exported once a minute, are sent at the latest at the end.
            await _engine.RunAsync(["container", "stop", container], cancellationToken);
            if (candidate.Name != Go)
            {
                candidate.AddReceived(requests, await receiver.CountAsync(cancellationToken) - before);
            }
        }
        finally
        {
            await _engine.RemoveAsync("container", container);
        }
    }

    /// <summary>Starts a container and asks until it answers.</summary>
    /// <returns>Its process.</returns>
    private async Task<int> StartAsync(Candidate candidate, string container, IPEndPoint address, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        var answer = WaitForHelloAsync(address, limit.Token);
        try
        {
            await _engine.RunAsync(["container", "start", container], limit.Token);
            var answered = await answer;
            candidate.Add("Start to first hello, ms", (answered - await ReadLaunchAsync(container, limit.Token)).TotalMilliseconds);
            // {"State":{"Pid":4711}}
            return (await _engine.InspectAsync("container", container, cancellationToken)).GetProperty("State").GetProperty("Pid").GetInt32();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MeasurementException(Format.Invariant($"{candidate.Name} did not answer /hello with 200 within {AnswerLimit.TotalSeconds:N0} s of its start: 'docker run --rm {candidate.ImageId}' shows why."));
        }
        finally
        {
            await limit.CancelAsync();
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What the launcher wrote before anything else, once the engine has taken it.</summary>
    private async Task<DateTimeOffset> ReadLaunchAsync(string container, CancellationToken cancellationToken)
    {
        for (; ; await Task.Delay(AnswerPause, cancellationToken))
        {
            if ((await _engine.RunAsync(["container", "logs", container], cancellationToken)).Split('\n')[0] is { Length: > 0 } line)
            {
                return DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(line, CultureInfo.InvariantCulture));
            }
        }
    }

    /// <summary>Asks over bare sockets: an HTTP client would take longer than the Go application does to start.</summary>
    /// <returns>When the answer came.</returns>
    private static async Task<DateTimeOffset> WaitForHelloAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        var (request, answer) = (Encoding.ASCII.GetBytes($"GET /hello HTTP/1.1\r\nHost: {address}\r\n\r\n"), new byte[4096]);
        for (; ; await Task.Delay(AnswerPause, cancellationToken))
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(address, cancellationToken);
                await socket.SendAsync(request, cancellationToken);
                if (answer.AsSpan(0, await socket.ReceiveAsync(answer, cancellationToken)).StartsWith("HTTP/1.1 200 "u8))
                {
                    return DateTimeOffset.UtcNow;
                }
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
    }

    /// <summary>Measures memory and load.</summary>
    /// <returns>How many requests were answered.</returns>
    private async Task<long> LoadAsync(Candidate candidate, Uri hello, int process, CancellationToken cancellationToken)
    {
        await Task.Delay(Settling, cancellationToken);
        await AddMemoryAsync("idle");
        var requests = (await SendAsync(WarmUpConnections, WarmUp)).Requests;
        foreach (var connections in Connections)
        {
            var over = connections == 1 ? "1 connection" : Format.Invariant($"{connections} connections");
            var load = SendAsync(connections, Load);
            if (connections == Connections[^1])
            {
                await Task.WhenAll(load, AddMemoryUnderLoadAsync(over));
            }

            var result = await load;
            requests += result.Requests;
            candidate.Add($"Requests per second, {over}", result.RequestsPerSecond);
            candidate.Add($"Latency p50, {over}, ms", result.P50.TotalMilliseconds);
            candidate.Add($"Latency p99, {over}, ms", result.P99.TotalMilliseconds);
        }

        await Task.Delay(Settling, cancellationToken);
        var peak = await AddMemoryAsync("after load");
        candidate.Add("Memory, peak, MB", peak.PeakResidentBytes / 1e6);
        return requests;

        async Task<WrkResult> SendAsync(int connections, TimeSpan duration)
        {
            var result = await WrkResult.MeasureAsync(hello, connections, _machine.ClientCores.Length, duration, Path.Combine(folder, "report.lua"), cancellationToken);
            return result.Errors == 0
                ? result
                : throw new MeasurementException(Format.Invariant($"{result.Errors:N0} of {result.Requests:N0} requests to {candidate.Name} over {connections} connections failed."));
        }

        async Task AddMemoryUnderLoadAsync(string over)
        {
            await Task.Delay(Load / 2, cancellationToken);
            await AddMemoryAsync($"under load, {over}");
        }

        async Task<ProcessFacts> AddMemoryAsync(string when)
        {
            var facts = ProcessFacts.Parse(await File.ReadAllTextAsync($"/proc/{process}/status", cancellationToken));
            candidate.Add($"Memory {when}, MB", facts.ResidentBytes / 1e6);
            candidate.Add($"Threads {when}", facts.Threads);
            return facts;
        }
    }

    private async Task<string> WriteAsync(List<Candidate> candidates, CancellationToken cancellationToken)
    {
        var reference = candidates[0];
        var table = ComparisonMarkdown.Table(
            ["", .. candidates.Select(c => $"`{c.Name}`")],
            candidates[^1].Figures.Select(f => (string[])[f, .. candidates.Select(c => Cell(c[f], c == reference ? null : reference[f]))]));
        var conditions = new Conditions(
            DateTimeOffset.UtcNow,
            Conditions.DescribeMachine(),
            $"docker {await _engine.RunAsync(["version", "--format", "{{.Server.Version}}"], cancellationToken)}",
            Format.Invariant($"medians (lowest–highest) of each: {starts + runs} starts, {runs} loads; interleaved, on the host's network; a load is {WarmUp.TotalSeconds:N0} s over {WarmUpConnections} connections to warm up, then {Load.TotalSeconds:N0} s each over {string.Join(", ", Connections)}; start from the moment in which the program is executed, by launcher.go; memory by the kernel's VmRSS and VmHWM"),
            [.. candidates.SelectMany(c => c.Image.StandIns).Distinct()]);
        IEnumerable<(string Name, string Text)> lines =
        [
            .. conditions.Lines,
            ("Cores", $"server on {_machine.ServerCore}; load generator, telemetry's receiver and this program on {string.Join(", ", _machine.ClientCores)}; the engine, which takes the lines that all of them log, on any"),
            ("Load generator", await WrkResult.VersionAsync(cancellationToken)),
            ("Go application", $"Gin's default router with its logger, no telemetry; {await CommandLine.RunAsync("go", ["version"], cancellationToken)}"),
            ("Telemetry of the others", "traces, metrics and logs over http/protobuf to receiver.go, which counts what has come"),
        ];
        return $"{table}\nBehind the brackets: the ratio to `{reference.Name}`.\n\n{string.Concat(lines.Select(l => $"- {l.Name}: {l.Text}\n"))}";

        static string Cell(Spread? values, Spread? reference) => values is null ? "–" : reference is null ? $"{values}" : $"{values} {Format.Ratio(values.Median / reference.Median)}";
    }
}

/// <summary>What is measured, and what has been.</summary>
/// <param name="name">Suffix of the Dockerfile and of the tag.</param>
/// <param name="imageId">ID of the image, which stays the same when somebody builds under the same name meanwhile.</param>
/// <param name="entrypoint">What the image starts.</param>
/// <param name="image">What the image is.</param>
internal sealed class Candidate(string name, string imageId, string[] entrypoint, ImageFacts image)
{
    private readonly OrderedDictionary<string, List<double>> _values = [];

    public string Name => name;

    public string ImageId => imageId;

    public string[] Entrypoint => entrypoint;

    public ImageFacts Image => image;

    /// <summary>The figures that it has, in the order in which they were measured first, but what is of one kind together.</summary>
    public IEnumerable<string> Figures => _values.Keys.GroupBy(f => f.Split(' ', ',')[0]).SelectMany(f => f);

    /// <summary>The values of a figure, or null if it was not measured.</summary>
    public Spread? this[string figure] => _values.TryGetValue(figure, out var values) ? new([.. values.Order()]) : null;

    public void Add(string figure, double value)
    {
        _values.TryAdd(figure, []);
        _values[figure].Add(value);
    }

    /// <summary>Adds how much telemetry of a container's life was received.</summary>
    /// <param name="requests">Requests that it has answered, beside the first.</param>
    /// <param name="received">What has come meanwhile.</param>
    /// <exception cref="MeasurementException">A signal is missing.</exception>
    public void AddReceived(long requests, Received received)
    {
        if (received is { Spans: 0 } or { Metrics: 0 } or { LogRecords: 0 })
        {
            throw new MeasurementException($"Of {name}, the receiver has not received traces, metrics and logs, but: {received}.");
        }

        if (requests > 0)
        {
            Add("Received spans, per request", received.Spans / (double)requests);
            Add("Received log records, per request", received.LogRecords / (double)requests);
        }
    }
}

/// <summary>Values of one figure.</summary>
/// <param name="Sorted">The values, ascending.</param>
internal sealed record Spread(double[] Sorted)
{
    /// <summary>The middle value; of an even number the lower of the two in the middle, which has been seen.</summary>
    public double Median => Sorted[(Sorted.Length - 1) / 2];

    /// <inheritdoc/>
    public override string ToString() => Sorted.Length == 1 ? Text(Median) : $"{Text(Median)} ({Text(Sorted[0])}–{Text(Sorted[^1])})";

    private static string Text(double value) => value switch
    {
        < 10 => Format.Invariant($"{value:N2}"),
        < 100 => Format.Invariant($"{value:N1}"),
        _ => Format.Invariant($"{value:N0}"),
    };
}

/// <summary>What wrk measured.</summary>
/// <param name="Requests">Requests answered.</param>
/// <param name="Errors">Connections that failed, requests that timed out, answers other than 2xx and 3xx.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="P50">Latency that half of the requests did not exceed.</param>
/// <param name="P99">Latency that 99 in 100 requests did not exceed.</param>
internal sealed record WrkResult(long Requests, long Errors, TimeSpan Duration, TimeSpan P50, TimeSpan P99)
{
    public double RequestsPerSecond => Requests / Duration.TotalSeconds;

    /// <summary>What wrk says it is.</summary>
    public static async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        // "wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", and its usage, as of a command line that is wrong.
        var version = await CommandLine.RunAsync("wrk", ["--version"], cancellationToken, exitCode: 1);
        return version.Split(" [")[0];
    }

    /// <summary>Sends requests as fast as they are answered.</summary>
    public static async Task<WrkResult> MeasureAsync(Uri url, int connections, int cores, TimeSpan duration, string script, CancellationToken cancellationToken)
    {
        var output = await CommandLine.RunAsync(
            "wrk",
            [
                "--threads", Format.Invariant($"{Math.Min(cores, connections)}"), "--connections", Format.Invariant($"{connections}"),
                "--duration", Format.Invariant($"{duration.TotalSeconds}s"), "--script", script, url.ToString(),
            ],
            cancellationToken);
        // The script's line, behind wrk's own: {"requests":105893,"errors":0,"duration":4000215,"p50":1187,"p99":2950}
        using var report = JsonDocument.Parse(output.Split('\n')[^1]);
        return new(Number("requests"), Number("errors"), Time("duration"), Time("p50"), Time("p99"));

        long Number(string name) => report.RootElement.GetProperty(name).GetInt64();

        TimeSpan Time(string name) => TimeSpan.FromMicroseconds(Number(name));
    }
}

/// <summary>Telemetry that was received.</summary>
internal sealed record Received(long Spans, long Metrics, long LogRecords)
{
    public static Received operator -(Received all, Received before) =>
        new(all.Spans - before.Spans, all.Metrics - before.Metrics, all.LogRecords - before.LogRecords);
}

/// <summary>Runs receiver.go.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client;

    private Receiver(Process process, string address)
    {
        (_process, Endpoint) = (process, $"http://{address}");
        _client = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new(Endpoint) };
    }

    /// <summary>Where it receives telemetry over http/protobuf.</summary>
    public string Endpoint { get; }

    /// <summary>Starts it and waits until it listens.</summary>
    /// <exception cref="MeasurementException">It does not.</exception>
    public static async Task<Receiver> StartAsync(string program, CancellationToken cancellationToken)
    {
        var process = CommandLine.Start(program, []);
        try
        {
            return new(process, await process.StandardOutput.ReadLineAsync(cancellationToken)
                ?? throw new MeasurementException($"The telemetry's receiver has ended: {await process.StandardError.ReadToEndAsync(cancellationToken)}"));
        }
        catch
        {
            await EndAsync(process);
            throw;
        }
    }

    /// <summary>Asks for what it has received since its start.</summary>
    public async Task<Received> CountAsync(CancellationToken cancellationToken) =>
        await _client.GetFromJsonAsync<Received>(new Uri("/received", UriKind.Relative), cancellationToken) ?? throw new MeasurementException("The telemetry's receiver answers nothing.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await EndAsync(_process);
    }

    private static async Task EndAsync(Process process)
    {
        using (process)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}

/// <summary>A folder that goes when this does.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hello-benchmark-").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>What this machine has, and who gets which of its cores.</summary>
internal sealed class Machine
{
    /// <summary>Where Debian's packages of Go libraries put their sources: https://go-team.pages.debian.net/packaging.html.</summary>
    public const string GoPath = "/usr/share/gocode";

    /// <summary>The cores that this process may use, which need not be all: <c>Cpus_allowed_list:	0-3,8</c>, proc_pid_status(5).</summary>
    private static readonly int[] Cores =
    [
        .. from range in File.ReadLines("/proc/self/status").Single(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split(':')[1].Split(',')
           let ends = Array.ConvertAll(range.Split('-'), end => int.Parse(end, CultureInfo.InvariantCulture))
           from core in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
           select core,
    ];

    /// <summary>The server's.</summary>
    public string ServerCore { get; } = Format.Invariant($"{Cores[0]}");

    /// <summary>All the others.</summary>
    public int[] ClientCores { get; } = Cores[1..];

    /// <summary>Says what keeps the benchmark from running.</summary>
    /// <returns>A line each, with what mends it.</returns>
    public static IEnumerable<string> Missing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return ["The benchmark pins processes to cores and reads /proc: run it on Linux."];
        }

        (bool IsThere, string Line)[] needs =
        [
            (Cores.Length > 1, "Server and client need a core each, and this process may use one only: run it on a machine with two or more."),
            (IsOnPath("go"), "go is missing: apt-get install golang-go"),
            (Directory.Exists($"{GoPath}/src/github.com/gin-gonic/gin"), "Gin is missing: apt-get install golang-github-gin-gonic-gin-dev"),
            (IsOnPath("wrk"), "wrk is missing: apt-get install wrk"),
            (IsOnPath("taskset"), "taskset is missing: apt-get install util-linux"),
        ];
        return needs.Where(n => !n.IsThere).Select(n => n.Line);

        static bool IsOnPath(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
    }

    /// <summary>Moves this process off the server's core, with all its threads, and so all that it starts from now on.</summary>
    public Task PinAsync(CancellationToken cancellationToken) =>
        CommandLine.RunAsync("taskset", ["--all-tasks", "--cpu-list", "--pid", string.Join(',', ClientCores), Format.Invariant($"{Environment.ProcessId}")], cancellationToken);
}

/// <summary>Runs programs of this machine.</summary>
internal static class CommandLine
{
    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it wrote to standard output, without the last line end.</returns>
    /// <exception cref="MeasurementException">It failed.</exception>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken, int exitCode = 0, params (string Name, string Value)[] environment)
    {
        using var process = Start(program, arguments, environment);
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == exitCode
                ? output.TrimEnd()
                : throw new MeasurementException($"'{program} {string.Join(' ', arguments)}' ended with {process.ExitCode}: {$"{output}\n{await error}".Trim().Split('\n')[^1]}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>Starts a program.</summary>
    /// <exception cref="MeasurementException">It could not be started.</exception>
    public static Process Start(string program, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new MeasurementException($"{program} could not be started: {e.Message}", e);
        }
    }
}
