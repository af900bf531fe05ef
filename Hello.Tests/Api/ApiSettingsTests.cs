namespace Hello.Tests;

/// <summary>What the settings of the environment and the command line do to the running API.</summary>
[Trait("Needs", "Gnu")]
public sealed class ApiSettingsTests
{
    [Fact]
    public async Task A_start_that_cannot_succeed_is_one_line_that_names_the_setting()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var taken = $"http://{listener.LocalEndpoint}";
        await AtOnce.RunAsync(
            [
                .. SettingCases.EndEveryStart, .. SettingCases.EndTheAlpineStart,
                (Settings: $"ASPNETCORE_URLS={taken}", Begin: $"ASPNETCORE_URLS is '{taken}'", Reason: "the port is taken"),
            ],
            async s =>
            {
                // The usual home folder may have a developer certificate, with which https works.
                var ended = await CommandLine.TryAsync(ApiProcess.Command(["HOME=/nowhere", .. s.Settings.Split(' ')]));
                SettingCases.AssertOneErrorLine(s.Begin, s.Reason, ended);
            });
    }

    [Fact]
    public Task A_setting_is_one_warning_or_no_word_and_the_api_serves() => AtOnce.RunAsync(
        [.. SettingCases.WarnInEveryBuild, .. SettingCases.BringNoWord.Select(settings => (Settings: $"--help {settings}", Warning: ""))],
        async s =>
        {
            await using var api = await ApiProcess.StartAsync(["HTTP_PORTS=0", .. s.Settings.Split(' ')]);
            Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
            await api.TerminateAsync();

            SettingCases.AssertWarnings([.. api.StartLines, .. await api.ReadLogAsync(_ => false)], s.Warning.Length > 0 ? [s.Warning] : []);
        });

    [Fact]
    public async Task Limits_of_Kestrel_are_those_of_the_settings()
    {
        await using var api = await ApiProcess.StartAsync(
            "ASPNETCORE_URLS=http://127.0.0.1:0", "Kestrel__Limits__KeepAliveTimeout=00:00:01", "Kestrel__Limits__MaxRequestBodySize=10");
        using var connection = await RawConnection.OpenAsync(api.Client.BaseAddress!);

        await connection.SendAsync("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        // The end comes after a second, not after 130.
        Assert.EndsWith(HelloImages.Greeting, await connection.ReadToEndAsync(), StringComparison.Ordinal);
        using var content = new ByteArrayContent(new byte[11]);
        using var answer = await api.Client.PostAsync(new Uri("/nowhere", UriKind.Relative), content);
        Assert.Equal(413, (int)answer.StatusCode);
    }
}
