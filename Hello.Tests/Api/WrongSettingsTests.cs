using System.Net;
using System.Net.Sockets;
using CliWrap;
using Hello.Api;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using Hello.ServiceDefaults.Otlp;

namespace Hello.Tests;

/// <summary>A setting that cannot be used is one line: an error with exit code 1 if the API cannot start with it, else a warning.</summary>
public sealed class WrongSettingsTests
{
    [Fact]
    public async Task A_start_that_cannot_succeed_is_one_line_that_names_the_setting()
    {
        // The home folder may have a developer certificate, with which https works.
        var home = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            await AtOnce.RunAsync(WrongSettings.EndTheStart, async s =>
            {
                var ended = await RunAsync(s.Setting, $"HOME={home.FullName}");
                WrongSettings.AssertOneErrorLine(s.Begin, s.Reason, ended.ExitCode, ended.Output, ended.Error);
            });
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_port_that_is_taken_is_one_line()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://{listener.LocalEndpoint}";

        var ended = await RunAsync($"ASPNETCORE_URLS={address}");

        WrongSettings.AssertOneErrorLine($"ASPNETCORE_URLS is '{address}'", "the port is taken", ended.ExitCode, ended.Output, ended.Error);
    }

    [Fact]
    public Task A_setting_that_is_not_used_is_one_warning_and_the_api_serves_on() =>
        AtOnce.RunAsync(WrongSettings.Groups, async group =>
        {
            await using var api = await ApiProcess.StartAsync(["ASPNETCORE_URLS=http://127.0.0.1:0", "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", .. group.Select(s => s.Setting)]);
            Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
            await api.TerminateAsync();

            WrongSettings.AssertWarnings(group, [.. api.StartLines, .. await api.ReadLogAsync(_ => false)]);
        });

    [Theory]
    [InlineData("--url=http://me:s3cret@+:8080", "The argument --url is ignored: nothing here reads it")]
    [InlineData("--help", "The argument --help is ignored: nothing here reads it")]
    [InlineData("--urls", "The argument --urls is ignored: it has no value")]
    public async Task An_argument_that_is_not_used_is_one_warning(string argument, string warning)
    {
        await using var api = await ApiProcess.StartAsync("HTTP_PORTS=0", argument);
        await api.TerminateAsync();

        WrongSettings.AssertWarnings([(argument, warning)], [.. api.StartLines, .. await api.ReadLogAsync(_ => false)]);
    }

    [Theory]
    [InlineData("Path=/nowhere", "Path is '/nowhere', and that certificate cannot be used: Could not find file")]
    [InlineData("Path=/etc/passwd", "Path is '/etc/passwd', and that certificate cannot be used")]
    [InlineData("Subject=nobody", "Subject is 'nobody', and that certificate cannot be used")]
    public Task A_certificate_that_cannot_be_used_is_one_line(string setting, string reason) => AtOnce.RunAsync(
        ["Kestrel__Certificates__Default", "Kestrel__Endpoints__Web__Certificate"],
        async section =>
        {
            var ended = await RunAsync("Kestrel__Endpoints__Web__Url=https://127.0.0.1:0", $"{section}__{setting}", $"{section}__Password=s3cret");
            WrongSettings.AssertOneErrorLine($"{section}__{reason}", "Password to its password.", ended.ExitCode, ended.Output, ended.Error);
        });

    [Fact]
    public async Task A_certificate_of_an_http_address_is_one_line()
    {
        var ended = await RunAsync("Kestrel__Endpoints__Web__Url=http://127.0.0.1:0", "Kestrel__Endpoints__Web__Certificate__Path=/tls.pfx");

        WrongSettings.AssertOneErrorLine("Kestrel__Endpoints__Web__Certificate__Path is set, and Kestrel__Endpoints__Web__Url is 'http://127.0.0.1:0'", "no https address", ended.ExitCode, ended.Output, ended.Error);
    }

    [Fact]
    public async Task An_argument_that_is_no_setting_is_one_line_without_its_value()
    {
        var ended = await RunAsync("-p=s3cret");

        WrongSettings.AssertOneErrorLine("-p is no setting", "--urls=http://+:8080", ended.ExitCode, ended.Output, ended.Error);
    }

    [Theory]
    [InlineData(" http://127.0.0.1:0 ")]
    [InlineData("HTTP://127.0.0.1:0;")]
    public async Task Addresses_may_have_spaces_and_capital_letters(string urls)
    {
        await using var api = await ApiProcess.StartAsync($"ASPNETCORE_URLS={urls}");

        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
    }

    [Theory]
    [InlineData("ASPNETCORE_URLS=")]
    [InlineData("ASPNETCORE_URLS=; ")]
    [InlineData("ASPNETCORE_HTTP_PORTS=")]
    [InlineData("ASPNETCORE_HTTPS_PORTS= ")]
    [InlineData("Kestrel__Endpoints__Web__Url=")]
    [InlineData("Logging__LogLevel__Default=")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=")]
    [InlineData("OTEL_TRACES_EXPORTER=")]
    public async Task An_empty_variable_is_one_that_is_not_set(string setting)
    {
        await using var api = await ApiProcess.StartAsync("HTTP_PORTS=0", setting);

        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        Assert.All(api.StartLines, line => Assert.StartsWith("info: Microsoft.Hosting.Lifetime[", line, StringComparison.Ordinal));
        Assert.StartsWith("info: Microsoft.Hosting.Lifetime[14] Now listening on: http://[::]:", api.StartLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_of_Kestrel_are_those_of_the_settings()
    {
        await using var api = await ApiProcess.StartAsync("ASPNETCORE_URLS=http://127.0.0.1:0", "Kestrel__Limits__KeepAliveTimeout=00:00:01", "Kestrel__Limits__MaxRequestBodySize=10");
        using var connection = await RawConnection.OpenAsync(api.Client.BaseAddress!);

        await connection.SendAsync("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.EndsWith(HelloImages.Greeting, await connection.ReadToEndAsync(), StringComparison.Ordinal); // the end comes after a second, not after 130
        using var content = new ByteArrayContent(new byte[11]);
        using var answer = await api.Client.PostAsync(new Uri("/nowhere", UriKind.Relative), content);
        Assert.Equal(413, (int)answer.StatusCode);
    }

    /// <summary>The variables of the specification that the API warns of: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.</summary>
    private static readonly string[] WarnedOf = ["OTEL_LOG_LEVEL", "OTEL_CONFIG_FILE", "OTEL_ENTITIES"];

    [Fact]
    public async Task The_page_of_the_settings_names_each_that_is_read_and_each_that_is_warned_of()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(RepositoryFolder.Find(), "docs", "settings.md"));
        var named = page.Split('`').Where((_, i) => i % 2 == 1).ToHashSet();

        Assert.All(OtelSettings.Known.Concat(WarnedOf), setting => Assert.Contains(setting, named));
        Assert.All(named.Where(name => name.StartsWith("OTEL_", StringComparison.Ordinal) && !name.EndsWith('…') && name != "OTEL_"), name => Assert.Contains(name, OtelSettings.Known.Concat(WarnedOf)));
        Assert.All(HostSettings.Unused, setting => Assert.Contains(named, name => name.Replace("ASPNETCORE_", "", StringComparison.Ordinal).Equals(setting.Key, StringComparison.OrdinalIgnoreCase)));
        Assert.All(HostSettings.AddressKeys, key => Assert.Contains($"ASPNETCORE_{key.ToUpperInvariant()}", named));
    }

    /// <summary>Runs the API to its end.</summary>
    /// <param name="settings">Variables such as <c>A=b</c>, and arguments, which begin with a dash.</param>
    private static Task<ProgramResult> RunAsync(params string[] settings) => CommandLine.TryAsync(ApiProcess.Command(settings));
}
