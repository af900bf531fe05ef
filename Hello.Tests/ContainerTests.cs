using System.Globalization;

namespace Hello.Tests;

/// <summary>How the containers run and end.</summary>
[Collection(HelloApplicationCollection.Name)]
public sealed class ContainerTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task One_process_runs_with_the_promised_uid_on_the_host(HelloImage image)
    {
        // UID first, under a title line.
        var lines = (await CommandLine.DockerAsync("container", "top", hello.ContainerId(image), "-eo", "uid,pid,comm")).Split('\n');

        Assert.True(lines.Length == 2, $"Expected one process, saw:\n{string.Join('\n', lines)}");
        Assert.Equal(image.Uid, int.Parse(lines[1].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Sigterm_ends_it_at_once_with_exit_code_0(HelloImage image)
    {
        var id = await CommandLine.DockerAsync("run", "--detach", "--publish", "127.0.0.1::8080", image.Reference);
        try
        {
            var address = (await CommandLine.DockerAsync("port", id, "8080/tcp")).Split('\n')[0];
            using var client = new HttpClient { BaseAddress = new($"http://{address}") };
            var answer = await CommandLine.PollAsync(async () => await TryAsync(client), a => a is not null, TimeSpan.FromSeconds(20));
            Assert.NotNull(answer);

            // With an idle connection open: 137 would be the kill after the time that SIGTERM was given.
            await CommandLine.DockerAsync("stop", "--time", "8", id);
            Assert.Equal("0", await CommandLine.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", id));
        }
        finally
        {
            await CommandLine.DockerAsync("rm", "--force", id);
        }

        static async Task<string?> TryAsync(HttpClient client)
        {
            try
            {
                return await client.GetStringAsync(new Uri("/hello", UriKind.Relative));
            }
            catch (HttpRequestException)
            {
                return null;
            }
        }
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task It_answers_without_any_right_and_on_a_read_only_file_system(HelloImage image)
    {
        var id = await CommandLine.DockerAsync(
            "run", "--detach", "--publish", "127.0.0.1::8080", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", image.Reference);
        try
        {
            var address = (await CommandLine.DockerAsync("port", id, "8080/tcp")).Split('\n')[0];
            using var client = new HttpClient { BaseAddress = new($"http://{address}") };
            var status = await CommandLine.PollAsync(
                async () => (await CommandLine.DockerAsync("logs", id)).Contains("Now listening on", StringComparison.Ordinal), listening => listening, TimeSpan.FromSeconds(20));

            Assert.True(status, $"It does not listen: {await CommandLine.DockerAsync("logs", id)}");
            Assert.Equal("""{"code":200,"result":"Hello World!"}""", await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        }
        finally
        {
            await CommandLine.DockerAsync("rm", "--force", id);
        }
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task An_unusable_otlp_endpoint_is_one_warning_and_the_api_serves_on(HelloImage image)
    {
        var id = await CommandLine.DockerAsync(
            "run", "--detach", "--publish", "127.0.0.1::8080", "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4317", image.Reference);
        try
        {
            var address = (await CommandLine.DockerAsync("port", id, "8080/tcp")).Split('\n')[0];
            var log = await CommandLine.PollAsync(
                () => CommandLine.DockerAsync("logs", id), l => l.Contains("Now listening on", StringComparison.Ordinal) && l.Contains("warn:", StringComparison.Ordinal), TimeSpan.FromSeconds(20));
            using var client = new HttpClient { BaseAddress = new($"http://{address}") };

            Assert.Equal("""{"code":200,"result":"Hello World!"}""", await client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
            var warning = Assert.Single(log.Split('\n'), line => line.StartsWith("warn:", StringComparison.Ordinal));
            Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT is 'https://collector:4317'", warning, StringComparison.Ordinal);
        }
        finally
        {
            await CommandLine.DockerAsync("rm", "--force", id);
        }
    }
}
