namespace Hello.Tests;

/// <summary>A receiver of telemetry that fails costs no client an answer, and telemetry flows again once the receiver is back.</summary>
[Trait("Needs", "Engine")]
public sealed class FaultTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    /// <summary>What the receiver does, and its answer.</summary>
    private static readonly (string What, string? Answer)[] Faults =
    [
        ("no answer", null),
        ("an answer that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("an answer without end", new string('x', 100_000)),
        ("an answer that breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"),
    ];

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public Task A_receiver_that_fails_for_a_while_costs_no_answer_and_gets_later_telemetry(ImageSpecification image) =>
        AtOnce.RunAsync(Faults, async fault =>
        {
            var (what, answer) = fault;
            var failing = false;
            await using var receiver = new OtlpReceiver(_ => failing ? answer : OtlpReceiver.Ok);
            await using var container = await PlainContainer.AnswerOnHostAsync(
                image, [.. receiver.Options, "--env", "OTEL_EXPORTER_OTLP_TIMEOUT=500"]);
            await AssertExportsAsync(receiver, container, "at first");

            failing = true;
            await AssertAnsweredAsync(container, requests: 3_000);
            var failed = receiver.Exports.Count;
            var more = await receiver.WaitAsync(exports => exports.Length >= failed + OtlpReceiver.Signals.Length);
            Assert.True(more.Length >= failed + OtlpReceiver.Signals.Length, $"With {what}, nothing more was exported after {failed} exports.");

            failing = false;
            await AssertExportsAsync(receiver, container, $"after {what}");
        });

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task A_receiver_that_comes_late_and_goes_and_comes_back_costs_no_answer_and_is_one_warning_each_time(ImageSpecification image)
    {
        var port = LocalPort.FindFree();
        await using var container = await PlainContainer.AnswerOnHostAsync(image, OtlpReceiver.OptionsFor(port));
        for (var time = 1; time <= 2; time++)
        {
            await AssertAnsweredAsync(container, requests: 3_000);
            Assert.Equal(time, await WaitForLinesAsync($"OTEL_EXPORTER_OTLP_ENDPOINT points to 127.0.0.1:{port}, which cannot be reached", time));

            await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok, port);
            await AssertExportsAsync(receiver, container, $"after it has come for the {time}. time");
            Assert.Equal(time, await WaitForLinesAsync("arrives again", time));
            Assert.Equal(2 * time, await WaitForLinesAsync("Telemetry:", 2 * time));
        }

        Task<int> WaitForLinesAsync(string text, int count) => CommandLine.PollAsync(
            async () => Regex.Count(await container.LogAsync(), Regex.Escape(text)), found => found >= count, TimeSpan.FromMinutes(1));
    }

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public Task A_receiver_that_refuses_is_one_warning_and_one_line_when_it_takes_telemetry_again(ImageSpecification image) =>
        AtOnce.RunAsync(["301 Moved", "404 Not Found", "503 Service Unavailable"], async status =>
        {
            var refuses = true;
            await using var receiver = new OtlpReceiver(_ => refuses ? $"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n" : OtlpReceiver.Ok);
            string[] secrets =
            [
                "--env", $"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:s3cret@127.0.0.1:{receiver.Port}",
                "--env", "OTEL_EXPORTER_OTLP_HEADERS=authorization=s3cret",
            ];
            await using var container = await PlainContainer.AnswerOnHostAsync(image, [.. receiver.Options, .. secrets]);
            await container.LogWithAsync("which answers");
            await receiver.WaitAsync(exports => OtlpReceiver.Signals.All(signal => exports.Any(e => e.Path == signal)));

            refuses = false;
            Assert.Equal(HelloImages.Greeting, await container.SayHelloAsync());
            var log = (await container.LogWithAsync("arrives again")).Split('\n');

            var warning = Assert.Single(log, line => line.Contains("telemetry is lost", StringComparison.Ordinal));
            Assert.Contains($"points to 127.0.0.1:{receiver.Port}, which answers with status {status[..3]}", warning, StringComparison.Ordinal);
            Assert.Single(log, line => line.Contains("arrives again", StringComparison.Ordinal));
            Assert.DoesNotContain(log, line => line.Contains("s3cret", StringComparison.Ordinal));
        });

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task A_proxy_is_used_or_is_one_warning(ImageSpecification image)
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var proxy = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await using var container = await PlainContainer.AnswerOnHostAsync(
            image, [.. receiver.Options, "--env", $"HTTP_PROXY=http://me:s3cret@127.0.0.1:{proxy.Port}"]);
        var (used, unused) = image == HelloImages.Native ? (receiver, proxy) : (proxy, receiver);

        // A proxy is asked for the whole address.
        var exports = await used.WaitAsync(all => Signals(all).SequenceEqual(OtlpReceiver.Signals));

        Assert.Equal(OtlpReceiver.Signals, Signals(exports));
        Assert.Empty(unused.Exports);
        var warning = $"HTTP_PROXY is set, and this static binary has no support for proxies: telemetry goes straight to 127.0.0.1:{receiver.Port}.";
        SettingCases.AssertWarnings((await container.LogAsync()).Split('\n'), image == HelloImages.Native ? [warning] : []);

        static IEnumerable<string> Signals(OtlpExport[] exports) => exports.Select(e => $"/v1/{e.Path.Split('/')[^1]}").Distinct().Order();
    }

    [Theory]
    [MemberData(nameof(HelloImages.Kinds), MemberType = typeof(HelloImages))]
    public async Task Telemetry_that_comes_faster_than_it_leaves_is_counted_and_said(ImageSpecification image)
    {
        const int requests = 3_000;
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok) { Delay = TimeSpan.FromMilliseconds(300) };
        string[] small = [.. ((string[])["BSP", "BLRP"]).SelectMany(
            queue => (string[])["--env", $"OTEL_{queue}_MAX_QUEUE_SIZE=64", "--env", $"OTEL_{queue}_MAX_EXPORT_BATCH_SIZE=32"])];
        await using var container = await PlainContainer.AnswerOnHostAsync(image, [.. receiver.Options, .. small]);
        await AssertAnsweredAsync(container, requests);
        await container.LogWithAsync("were dropped");
        var counted = await receiver.WaitAsync(exports => exports.Any(IsCounted));
        receiver.Delay = TimeSpan.Zero;
        await CommandLine.DockerAsync("stop", container.Id);

        var log = await container.LogAsync();
        var said = Regex.Matches(log, "Telemetry: ([0-9]+) spans and ([0-9]+) log records were dropped");
        long Sum(int group) => said.Sum(match => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture));
        var received = receiver.Exports.Where(export => export.Path == "/v1/traces").Sum(export => Regex.Count(Text(export), "GET /hello"));
        Assert.True(received + Sum(1) == requests + 1, $"{received} spans of {requests} were received, and {Sum(1)} are said to be dropped: {log}");
        Assert.True(Sum(2) > requests / 2, $"{Sum(2)} log records are said to be dropped. The log: {log}");
        Assert.True(counted.Any(IsCounted), "No metric counts the spans that were dropped.");

        static string Text(OtlpExport export) => Encoding.Latin1.GetString(export.Body);

        static bool IsCounted(OtlpExport export) => export.Path == "/v1/metrics"
            && Text(export).Contains("otel.sdk.processor.span.processed", StringComparison.Ordinal)
            && Text(export).Contains("queue_full", StringComparison.Ordinal);
    }

    private static async Task AssertAnsweredAsync(PlainContainer container, int requests)
    {
        var load = await LoadBurst.SendAsync(
            new(container.Address, "/hello"), new() { Requests = requests, Duration = TimeSpan.FromMinutes(2) });
        var isAnswered = load.Sent == requests && load.Errors == 0;
        Assert.True(isAnswered, $"Of {load.Sent} requests {load.Errors} were not answered. The log: {await container.LogAsync()}");
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
}
