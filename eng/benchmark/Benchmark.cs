#:project ../../Hello.AppHost/Hello.AppHost.csproj
#:property PublishAot=false

using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
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
        List<Candidate> candidates = [await BuildGoAsync(inspector, cancellationToken)];
        foreach (var name in images)
        {
            candidates.Add(await BuildAsync(inspector, name, Path.Combine(root, $"Dockerfile-{name}"), root, cancellationToken));
        }

        // From here on, so that the builds have all cores.
        await _machine.PinAsync(cancellationToken);
        progress("Starting the Aspire dashboard ...");
        await using var dashboard = await Dashboard.StartAsync(cancellationToken);
        await InTurnsAsync("Start", starts, c => RunAsync(c, dashboard, (_, _) => Task.CompletedTask, cancellationToken));
        await InTurnsAsync("Load", runs, c => RunAsync(c, dashboard, (hello, process) => LoadAsync(c, hello, process, cancellationToken), cancellationToken));

        progress("Asking the dashboard for what it has received ...");
        await dashboard.VerifyAsync(images, cancellationToken);
        return await WriteAsync(candidates, dashboard, cancellationToken);

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

    private async Task<Candidate> BuildGoAsync(ImageInspector inspector, CancellationToken cancellationToken)
    {
        var context = Directory.CreateTempSubdirectory("hello-benchmark-");
        try
        {
            await CommandLine.RunAsync(
                "go",
                ["build", "-ldflags=-s", "-o", Path.Combine(context.FullName, "hello-go"), Path.Combine(folder, "hello.go")],
                cancellationToken,
                environment: [("GO111MODULE", "off"), ("GOPATH", Machine.GoPath), ("CGO_ENABLED", "0")]);
            return await BuildAsync(inspector, Go, Path.Combine(folder, "Dockerfile-go"), context.FullName, cancellationToken);
        }
        finally
        {
            context.Delete(recursive: true);
        }
    }

    private async Task<Candidate> BuildAsync(ImageInspector inspector, string name, string dockerfile, string context, CancellationToken cancellationToken)
    {
        progress($"Building {name} ...");
        var image = new HelloImage(name, context, dockerfile, $"demo-app:0.1-{name}");
        await _engine.RunAsync(["build", "--file", dockerfile, "--tag", image.Reference, context], cancellationToken);
        var id = (await _engine.InspectAsync("image", image.Reference, cancellationToken)).GetProperty("Id").GetString()!;
        var candidate = new Candidate(name, id, await inspector.InspectImageAsync(image, image.Reference, cancellationToken));
        candidate.Add("Unpacked size, B", candidate.Image.UnpackedBytes);
        candidate.Add("Compressed size, B", candidate.Image.CompressedBytes);
        return candidate;
    }

    /// <summary>Runs a container from its start, which is measured, to its end.</summary>
    private async Task RunAsync(Candidate candidate, Dashboard dashboard, Func<Uri, int, Task> measure, CancellationToken cancellationToken)
    {
        var container = $"{_id}-{candidate.Name}";
        // Another at each start: one that was used may still be taken by connections that ended.
        var address = new IPEndPoint(IPAddress.Loopback, ComparisonRun.FreePort());
        string[] environment = candidate.Name == Go
            ? [$"ADDRESS={address}"]
            : [$"ASPNETCORE_URLS=http://{address}", $"OTEL_EXPORTER_OTLP_ENDPOINT={dashboard.OtlpEndpoint}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", $"OTEL_SERVICE_NAME={candidate.Name}"];
        try
        {
            // The host's network: neither address translation nor a proxy is measured.
            await _engine.RunAsync(
                ["container", "create", "--name", container, "--network", "host", "--cpuset-cpus", _machine.ServerCore, .. environment.SelectMany(e => (string[])["--env", e]), candidate.ImageId],
                cancellationToken);
            var process = await StartAsync(candidate, container, address, cancellationToken);
            await measure(new($"http://{address}/hello"), process);
            // Not killed: the metrics, which are exported once a minute, are sent at the latest at the end.
            await _engine.RunAsync(["container", "stop", container], cancellationToken);
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
            // {"State":{"Pid":4711,"StartedAt":"2026-…Z"}}
            var state = (await _engine.InspectAsync("container", container, cancellationToken)).GetProperty("State");
            candidate.Add("Start to first hello, ms", (answered - state.GetProperty("StartedAt").GetDateTimeOffset()).TotalMilliseconds);
            return state.GetProperty("Pid").GetInt32();
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

    private async Task LoadAsync(Candidate candidate, Uri hello, int process, CancellationToken cancellationToken)
    {
        await Task.Delay(Settling, cancellationToken);
        await AddMemoryAsync("idle");
        await SendAsync(WarmUpConnections, WarmUp);
        foreach (var connections in Connections)
        {
            var over = connections == 1 ? "1 connection" : Format.Invariant($"{connections} connections");
            var load = SendAsync(connections, Load);
            if (connections == Connections[^1])
            {
                await Task.WhenAll(load, AddMemoryUnderLoadAsync(over));
            }

            var result = await load;
            candidate.Add($"Requests per second, {over}", result.RequestsPerSecond);
            candidate.Add($"Latency p50, {over}, ms", result.P50.TotalMilliseconds);
            candidate.Add($"Latency p99, {over}, ms", result.P99.TotalMilliseconds);
        }

        await Task.Delay(Settling, cancellationToken);
        var peak = await AddMemoryAsync("after load");
        candidate.Add("Memory, peak, MB", peak.PeakResidentBytes / 1e6);

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
            return facts;
        }
    }

    private async Task<string> WriteAsync(List<Candidate> candidates, Dashboard dashboard, CancellationToken cancellationToken)
    {
        var reference = candidates[0];
        var table = ComparisonMarkdown.Table(
            ["", .. candidates.Select(c => $"`{c.Name}`")],
            reference.Figures.Select(f => (string[])[f, .. candidates.Select(c => c == reference ? $"{c[f]}" : $"{c[f]} {Format.Ratio(c[f].Median / reference[f].Median)}")]));
        var conditions = new Conditions(
            DateTimeOffset.UtcNow,
            Conditions.DescribeMachine(),
            $"docker {await _engine.RunAsync(["version", "--format", "{{.Server.Version}}"], cancellationToken)}",
            Format.Invariant($"medians (lowest–highest) of each: {starts + runs} starts, {runs} loads; interleaved, on the host's network; a load is {WarmUp.TotalSeconds:N0} s over {WarmUpConnections} connections to warm up, then {Load.TotalSeconds:N0} s each over {string.Join(", ", Connections)}; start by the engine's StartedAt; memory by the kernel's VmRSS and VmHWM"),
            [.. candidates.SelectMany(c => c.Image.StandIns).Distinct()]);
        IEnumerable<(string Name, string Text)> lines =
        [
            .. conditions.Lines,
            ("Cores", $"server on {_machine.ServerCore}; load, telemetry receiver and this program on {string.Join(", ", _machine.ClientCores)}; the engine, which takes the lines that all of them log, on any"),
            ("Load generator", await WrkResult.VersionAsync(cancellationToken)),
            ("Go application", $"Gin's default router with its logger, no telemetry; {await CommandLine.RunAsync("go", ["version"], cancellationToken)}"),
            ("Telemetry of the others", $"traces, metrics and logs over http/protobuf to the {dashboard.Version}, and received there"),
        ];
        return $"{table}\nBehind the brackets: the ratio to `{reference.Name}`.\n\n{string.Concat(lines.Select(l => $"- {l.Name}: {l.Text}\n"))}";
    }
}

/// <summary>What is measured, and what has been.</summary>
/// <param name="name">Suffix of the Dockerfile and of the tag.</param>
/// <param name="imageId">ID of the image, which stays the same when somebody builds under the same name meanwhile.</param>
/// <param name="image">What the image is.</param>
internal sealed class Candidate(string name, string imageId, ImageFacts image)
{
    private readonly OrderedDictionary<string, List<double>> _values = [];

    public string Name => name;

    public string ImageId => imageId;

    public ImageFacts Image => image;

    /// <summary>The figures that it has, in the order in which they were measured first, but what is of one kind together.</summary>
    public IEnumerable<string> Figures => _values.Keys.GroupBy(f => f.Split(' ', ',')[0]).SelectMany(f => f);

    public Spread this[string figure] => new([.. _values[figure].Order()]);

    public void Add(string figure, double value)
    {
        _values.TryAdd(figure, []);
        _values[figure].Add(value);
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

/// <summary>The Aspire dashboard as a process of its own, which receives telemetry.</summary>
/// <remarks>Its settings: https://aspire.dev/dashboard/configuration/.</remarks>
internal sealed class Dashboard : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Process _process;
    private readonly HttpClient _client;

    private Dashboard(string file)
    {
        var (frontend, grpc) = ($"http://127.0.0.1:{ComparisonRun.FreePort()}", $"http://127.0.0.1:{ComparisonRun.FreePort()}");
        OtlpEndpoint = $"http://127.0.0.1:{ComparisonRun.FreePort()}";
        _client = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new(frontend) };
        _process = CommandLine.Start(
            file,
            ["dashboard"],
            ("ASPNETCORE_ENVIRONMENT", "Production"),
            ("ASPNETCORE_URLS", frontend),
            ("ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", grpc),
            ("ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL", OtlpEndpoint),
            ("ASPIRE_DASHBOARD_API_ENABLED", "true"),
            ("ASPIRE_DASHBOARD_TELEMETRY_OPTOUT", "true"),
            // Plain http and no keys: everything is on loopback, and for some minutes.
            ("ASPIRE_ALLOW_UNSECURED_TRANSPORT", "true"),
            ("DASHBOARD__FRONTEND__AUTHMODE", "Unsecured"),
            ("DASHBOARD__OTLP__AUTHMODE", "Unsecured"),
            ("DASHBOARD__API__AUTHMODE", "Unsecured"));
        // "      Aspire dashboard version: 13.5.4+9c1b401dd67746739044f68959cbf4d3d7af93a6"
        _process.OutputDataReceived += (_, line) => Version = line.Data?.Split("Aspire dashboard version: ") is [_, var version] ? $"Aspire dashboard {version.Split('+')[0]}" : Version;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The executable, as the AppHost has it.</summary>
    public static string? File =>
        Environment.GetEnvironmentVariable("ASPIRE_DASHBOARD_PATH") ?? typeof(HelloImage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == "aspiredashboardpath")?.Value;

    /// <summary>Where it receives telemetry over http/protobuf.</summary>
    public string OtlpEndpoint { get; }

    /// <summary>What it says it is.</summary>
    public string Version { get; private set; } = "Aspire dashboard";

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<Dashboard> StartAsync(CancellationToken cancellationToken)
    {
        var dashboard = new Dashboard(File!);
        try
        {
            await dashboard.EventuallyAsync(_ => true, answer => $"The dashboard does not answer: {answer}", cancellationToken);
            return dashboard;
        }
        catch
        {
            await dashboard.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes sure that it has received traces, metrics and logs of each.</summary>
    /// <exception cref="MeasurementException">It has not.</exception>
    public Task VerifyAsync(string[] services, CancellationToken cancellationToken) => EventuallyAsync(
        resources => services.All(service => resources.EnumerateArray().Any(r =>
            r.GetProperty("name").GetString() == service && r.GetProperty("hasTraces").GetBoolean() && r.GetProperty("hasMetrics").GetBoolean() && r.GetProperty("hasLogs").GetBoolean())),
        answer => $"The dashboard has not received traces, metrics and logs of each of {string.Join(", ", services)}, but: {answer}",
        cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    /// <summary>Asks for the senders of telemetry until the answer is right.</summary>
    private async Task EventuallyAsync(Func<JsonElement, bool> isRight, Func<string, string> failure, CancellationToken cancellationToken)
    {
        var answer = "nothing";
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Limit && !_process.HasExited; await Task.Delay(Pause, cancellationToken))
        {
            try
            {
                // [{"name":"scratch","hasLogs":true,"hasTraces":true,"hasMetrics":true}]
                answer = await _client.GetStringAsync(new Uri("/api/telemetry/resources", UriKind.Relative), cancellationToken);
                using var resources = JsonDocument.Parse(answer);
                if (isRight(resources.RootElement))
                {
                    return;
                }
            }
            catch (HttpRequestException e)
            {
                answer = e.Message;
            }
        }

        throw new MeasurementException(failure(_process.HasExited ? "it has ended" : answer));
    }
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
            (File.Exists(Dashboard.File), $"The Aspire dashboard is missing{(Dashboard.File is null ? "" : $" at {Dashboard.File}")}: set ASPIRE_DASHBOARD_PATH to the 'aspire-managed' that 'aspire setup --install-path DIR' unpacks."),
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
