using System.Security.Cryptography.X509Certificates;

namespace Hello.Tests;

/// <summary>The command --health finds the API by the settings that the API has, and says with its exit code alone whether it is healthy.</summary>
[Trait("Needs", "Gnu")]
public sealed class HealthCommandTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task An_api_is_found_wherever_its_settings_make_it_listen()
    {
        using var key = ECDsa.Create();
        using var certificate = new CertificateRequest("CN=hello.invalid", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.Now.AddDays(-1), DateTimeOffset.Now.AddDays(1));
        await File.WriteAllBytesAsync(Path.Combine(_folder.FullName, "certificate.pfx"), certificate.Export(X509ContentType.Pfx));

        await AtOnce.RunAsync(
            [
                "ASPNETCORE_URLS=http://LOCALHOST:NUMBER;",
                "ASPNETCORE_URLS=http://[::1]:NUMBER",
                "ASPNETCORE_URLS=http://127.0.0.2:NUMBER",
                "DOTNET_URLS=http://*:NUMBER",
                "HTTP_PORTS=;NUMBER ASPNETCORE_URLS=",
                "ASPNETCORE_URLS=http://127.0.0.1:1 Kestrel__Endpoints__Web__Url=http://+:NUMBER",
                "ASPNETCORE_URLS=http://0.0.0.0:NUMBER PREFERHOSTINGURLS=true Kestrel__Endpoints__Web__Url=http://127.0.0.1:1",
                "ASPNETCORE_URLS=http://127.0.0.1:1 --urls=http://[::]:NUMBER",
                "ASPNETCORE_URLS=http://unix:FOLDER/NUMBER.sock",
                "ASPNETCORE_URLS=https://127.0.0.1:NUMBER Kestrel__Certificates__Default__Path=FOLDER/certificate.pfx",
            ],
            async settings =>
            {
                var own = settings.Replace("NUMBER", $"{LocalPort.FindFree()}", StringComparison.Ordinal)
                    .Replace("FOLDER", _folder.FullName, StringComparison.Ordinal).Split(' ');
                await using var api = await ApiProcess.StartAsync(own);

                // On a busy machine, the command may not start and ask within its limit.
                var answer = await CommandLine.PollAsync(() => AskAsync(own), answer => answer.ExitCode == 0, TimeSpan.FromMinutes(2));
                Assert.Equal(new(0, "", ""), answer);
            });
    }

    [Theory]
    [InlineData("ASPNETCORE_URLS=abc")]
    [InlineData("ASPNETCORE_HTTP_PORTS=80800")]
    [InlineData("ASPNETCORE_URLS=http://unix:/nowhere.sock")]
    [InlineData("-p=1")]
    public async Task Where_no_api_can_be_there_is_none(string setting) => Assert.Equal(new(1, "", ""), await AskAsync(setting));

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nUnhealthy")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("")]
    public async Task What_answers_something_else_is_not_healthy(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = AskAsync($"ASPNETCORE_URLS=http://{listener.LocalEndpoint}");
        using (var client = await listener.AcceptTcpClientAsync().WaitAsync(TimeSpan.FromMinutes(1)))
        {
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
        }

        Assert.Equal(new(1, "", ""), await asked);
    }

    private static Task<ProgramResult> AskAsync(params string[] settings) =>
        CommandLine.TryAsync(ApiProcess.Command([.. settings, HealthCommand.Argument]));
}
