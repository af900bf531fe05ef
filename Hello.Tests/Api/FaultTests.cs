using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Hello.Compare.Engine;
using Hello.Compare.Probe;

namespace Hello.Tests;

/// <summary>A receiver of telemetry that fails costs no client an answer, and telemetry flows again once the receiver is back.</summary>
[Trait("Needs", "Engine")]
public sealed class FaultTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_receiver_that_fails_for_a_while_costs_no_answer_and_gets_later_telemetry(ImageSpecification image) => AtOnce.RunAsync(Faults, async fault =>
    {
        var (what, answer, seconds) = fault;
        var failing = false;
        await using var receiver = new OtlpReceiver(_ => failing ? answer : OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, "--env", "OTEL_EXPORTER_OTLP_TIMEOUT=500"]);
        await AssertExportsAsync(receiver, container, "at first");

        failing = true;
        receiver.Delay = TimeSpan.FromSeconds(seconds);
        await AssertAnsweredAsync(container, requests: 3_000);
        var failed = receiver.Exports.Count;
        var more = await receiver.WaitAsync(exports => exports.Length >= failed + OtlpReceiver.Signals.Length);
        Assert.True(more.Length >= failed + OtlpReceiver.Signals.Length, $"With {what}, nothing more was exported after {failed} exports.");

        failing = false;
        receiver.Delay = TimeSpan.Zero;
        await AssertExportsAsync(receiver, container, $"after {what}");
    });

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_receiver_that_goes_and_comes_back_costs_no_answer_and_gets_later_telemetry(ImageSpecification image)
    {
        var first = new OtlpReceiver(_ => OtlpReceiver.Ok);
        var port = first.Port;
        await using var container = await PlainContainer.RunOnHostAsync(image, first.Options);
        await using (first)
        {
            await AssertExportsAsync(first, container, "at first");
        }

        await AssertAnsweredAsync(container, requests: 3_000);

        await using var second = new OtlpReceiver(_ => OtlpReceiver.Ok, port);
        await AssertExportsAsync(second, container, "after it has come back");
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public Task A_receiver_that_refuses_is_one_warning_and_one_line_when_it_takes_telemetry_again(ImageSpecification image) => AtOnce.RunAsync(["301 Moved", "401 Unauthorized", "404 Not Found", "415 Unsupported Media Type", "500 Internal Server Error", "503 Service Unavailable"], async status =>
    {
        var refuses = true;
        await using var receiver = new OtlpReceiver(_ => refuses ? $"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n" : OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(
            image, [.. receiver.Options, "--env", $"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:s3cret@127.0.0.1:{receiver.Port}", "--env", "OTEL_EXPORTER_OTLP_HEADERS=authorization=s3cret"]);
        var answer = await container.SayHelloAsync();
        Assert.True(answer == HelloImages.Greeting, answer);
        await container.LogWithAsync("which answers");
        await receiver.WaitAsync(exports => OtlpReceiver.Signals.All(signal => exports.Any(e => e.Path == signal)));

        refuses = false;
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var log = (await container.LogWithAsync("arrives again")).Split('\n');

        var warning = Assert.Single(log, line => line.Contains("telemetry is lost", StringComparison.Ordinal));
        Assert.Contains($"OTEL_EXPORTER_OTLP_ENDPOINT points to 127.0.0.1:{receiver.Port}, which answers with status {status[..3]}", warning, StringComparison.Ordinal);
        Assert.Single(log, line => line.Contains("arrives again", StringComparison.Ordinal));
        Assert.DoesNotContain(log, line => line.Contains("s3cret", StringComparison.Ordinal));
    });

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task A_proxy_is_used_or_is_one_warning(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var proxy = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.RunOnHostAsync(image, [.. receiver.Options, "--env", $"HTTP_PROXY=http://me:s3cret@127.0.0.1:{proxy.Port}"]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        var (used, unused) = image.Files is not null ? (receiver, proxy) : (proxy, receiver);

        var exports = await used.WaitAsync(all => OtlpReceiver.Signals.All(signal => all.Any(e => e.Path.EndsWith(signal, StringComparison.Ordinal))));

        Assert.All(OtlpReceiver.Signals, signal => Assert.Contains(exports, e => e.Path.EndsWith(signal, StringComparison.Ordinal)));
        Assert.Empty(unused.Exports);
        var warnings = (await container.LogAsync()).Split('\n').Where(line => line.StartsWith("warn:", StringComparison.Ordinal)).ToArray();
        Assert.True(warnings.Length == (image.Files is not null ? 1 : 0), string.Join('\n', warnings));
        Assert.All(warnings, warning => Assert.Contains($"HTTP_PROXY is set, and this static binary has no support for proxies: telemetry goes straight to 127.0.0.1:{receiver.Port}.", warning, StringComparison.Ordinal));
        Assert.All(warnings, warning => Assert.DoesNotContain("s3cret", warning, StringComparison.Ordinal));
    }

    [Fact]
    public Task A_receiver_that_comes_late_is_one_warning_and_gets_later_telemetry() => AtOnce.RunAsync(HelloImages.Specification, async image =>
    {
        var port = LocalPort.FindFree();
        await using var container = await PlainContainer.RunOnHostAsync(image, OtlpReceiver.OptionsFor(port));
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        await AssertAnsweredAsync(container, requests: 3_000);
        var log = await container.LogWithAsync("cannot be reached");

        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok, port);
        await AssertExportsAsync(receiver, container, "after it has come");

        var warning = Assert.Single(log.Split('\n'), line => line.Contains("Telemetry:", StringComparison.Ordinal));
        Assert.Contains($"OTEL_EXPORTER_OTLP_ENDPOINT points to 127.0.0.1:{port}, which cannot be reached", warning, StringComparison.Ordinal);
    });

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Telemetry_that_cannot_leave_is_held_up_to_a_bound(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => null);
        await using var container = await PlainContainer.RunOnHostAsync(image, receiver.Options);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());

        // OpenTelemetry holds 2,048 of each: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor
        await AssertAnsweredAsync(container, requests: 10_000);
        var before = await MemoryAsync(container);
        await AssertAnsweredAsync(container, requests: 20_000);
        var after = await MemoryAsync(container);

        Assert.True(after - before < 16 * 1024, $"{before:N0} KiB became {after:N0} KiB by 20,000 requests whose telemetry could not leave.");
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Telemetry_that_comes_faster_than_it_leaves_is_counted_and_said(ImageSpecification image)
    {
        const int requests = 3_000;
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok) { Delay = TimeSpan.FromMilliseconds(300) };
        await using var container = await PlainContainer.RunOnHostAsync(
            image,
            [.. receiver.Options, .. ((string[])["BSP", "BLRP"]).SelectMany(queue => (string[])["--env", $"OTEL_{queue}_MAX_QUEUE_SIZE=64", "--env", $"OTEL_{queue}_MAX_EXPORT_BATCH_SIZE=32"])]);
        Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
        await AssertAnsweredAsync(container, requests);
        await container.LogWithAsync("were dropped");
        var counted = await receiver.WaitAsync(exports => exports.Any(IsCounted));
        receiver.Delay = TimeSpan.Zero;
        await CommandLine.DockerAsync("stop", container.Id);

        var log = await container.LogAsync();
        var said = Regex.Matches(log, "Telemetry: ([0-9]+) spans and ([0-9]+) log records were dropped");
        long Sum(int group) => said.Sum(match => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture));
        var received = receiver.Exports.Where(export => export.Path == "/v1/traces").Sum(export => Regex.Count(Encoding.Latin1.GetString(export.Body), "GET /hello"));
        Assert.True(received + Sum(1) == requests + 1, $"{received} spans of {requests + 1} were received, and {Sum(1)} are said to be dropped. The log: {log}");
        Assert.True(Sum(2) > requests / 2, $"{Sum(2)} log records are said to be dropped. The log: {log}");
        Assert.True(counted.Any(IsCounted), "No metric counts the spans that were dropped.");

        static bool IsCounted(OtlpExport export) => export.Path == "/v1/metrics"
            && Encoding.Latin1.GetString(export.Body) is var body && body.Contains("otel.sdk.processor.span.processed", StringComparison.Ordinal) && body.Contains("queue_full", StringComparison.Ordinal);
    }

    /// <summary>What the receiver does, its answer, and after how many seconds.</summary>
    private static readonly (string What, string? Answer, int Seconds)[] Faults =
    [
        ("no answer", null, 0),
        ("an answer after seconds", OtlpReceiver.Ok, 2),
        ("an answer that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0),
        ("an answer without end", new string('x', 100_000), 0),
        ("an answer that breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", 0),
        ("a refusal", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0),
        ("an overload", "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", 0),
    ];

    private static async Task AssertAnsweredAsync(PlainContainer container, int requests)
    {
        var load = await LoadBurst.SendAsync(
            new(container.Address, "/hello"), new() { Requests = requests, Duration = TimeSpan.FromSeconds(60) });
        Assert.True(load.Sent == requests && load.Errors == 0, $"Of {load.Sent} requests {load.Errors} were not answered. The log: {await container.LogAsync()}");
    }

    private static async Task AssertExportsAsync(OtlpReceiver receiver, PlainContainer container, string when)
    {
        var past = receiver.Exports.Count;
        var exports = await receiver.WaitAsync(e =>
        {
            // Each request makes new telemetry.
            Assert.Equal(HelloImages.Greeting, container.SayHelloAsync().GetAwaiter().GetResult());
            return OtlpReceiver.Signals.All(signal => e[past..].Any(x => x.Path == signal));
        });

        var paths = exports[past..].Select(e => e.Path).Distinct().Order().ToArray();
        Assert.True(OtlpReceiver.Signals.SequenceEqual(paths), $"Exported {when}: {string.Join(", ", paths)}.");
    }

    /// <summary>Resident memory in KiB.</summary>
    private static async Task<int> MemoryAsync(PlainContainer container) => int.Parse(
        (await CommandLine.DockerAsync("container", "top", container.Id, "-eo", "rss,pid")).Split('\n')[1].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
}
