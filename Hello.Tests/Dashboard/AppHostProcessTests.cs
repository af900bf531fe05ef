using System.Net;
using System.Net.Sockets;
using CliWrap;

namespace Hello.Tests;

/// <summary>The AppHost in a process of its own, beside the shared application.</summary>
[Trait("Needs", "Engine")]
public sealed class AppHostProcessTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(40);

    /// <summary>Aspire copies a trusted developer certificate into containers. The file systems of two builds are read-only: https://aspire.dev/app-host/certificate-configuration/.</summary>
    [Theory]
    [InlineData("INT", true)]
    [InlineData("KILL", false)]
    public async Task With_or_without_a_developer_certificate_the_builds_answer_and_a_signal_leaves_nothing_behind(string signal, bool certificate)
    {
        var home = Directory.CreateTempSubdirectory("hello-test-");
        try
        {
            var environment = LaunchProfile.OnFreePorts();
            environment["HOME"] = environment["DOTNET_CLI_HOME"] = home.FullName;
            environment["DOTNET_GENERATE_ASPNET_CERTIFICATE"] = "false";
            if (certificate && OperatingSystem.IsLinux()) // elsewhere the certificates are not in the home folder
            {
                // It ends with an error if it cannot make browsers trust the certificate. Aspire asks .NET's own store only.
                var made = await CommandLine.TryAsync(Cli.Wrap("dotnet").WithArguments(["dev-certs", "https", "--trust"]).WithEnvironmentVariables(environment));
                var trusted = Path.Combine(home.FullName, ".dotnet", "corefx", "cryptography", "x509stores", "root");
                Assert.True(Directory.Exists(trusted) && Directory.EnumerateFiles(trusted).Any(), $"{made.Output}\n{made.Error}");
            }

            await using var appHost = new RunningProgram(CommandLine.AppHost(environment));
            var orchestrator = await AppHostProgram.OrchestratorAsync(appHost.Id);
            await AppHostProgram.AssertAllAnswerAsync(appHost, orchestrator, StartLimit);

            await appHost.SignalAsync(signal);
            var (exitCode, output, error) = await appHost.EndAsync(EndLimit);

            Assert.Equal(signal == "KILL" ? 137 : 0, exitCode);
            Assert.DoesNotMatch(AppHostProgram.StackTrace(), output + error);
            await AppHostProgram.AssertNothingIsLeftAsync(orchestrator);
            Assert.False(Directory.Exists(Path.Combine(home.FullName, ".aspire", "dashboard")), "The dashboard has kept the run.");
        }
        finally
        {
            home.Delete(recursive: true);
        }

        // The application beside it runs on.
        Assert.All(HelloImages.Specification, image => Assert.Equal(KnownResourceStates.Running, hello.StateOf(image).Snapshot.State?.Text));
    }

    /// <summary>A proxy would look for the dashboard, the orchestrator and the containers on its own machine.</summary>
    [Fact]
    public async Task A_proxy_in_the_environment_is_not_asked_for_this_machine()
    {
        using var proxy = new TcpListener(IPAddress.Loopback, 0);
        proxy.Start();
        List<string> asked = [];
        using var end = new CancellationTokenSource();
        var answering = AnswerAsync();
        var environment = LaunchProfile.OnFreePorts();
        environment["HTTP_PROXY"] = environment["HTTPS_PROXY"] = environment["ALL_PROXY"] = $"http://{proxy.LocalEndpoint}";
        environment["NO_PROXY"] = "example.org";
        await using (var appHost = new RunningProgram(CommandLine.AppHost(environment, "--Logging:LogLevel:Aspire.Hosting.Health=Debug")))
        {
            var orchestrator = await AppHostProgram.OrchestratorAsync(appHost.Id);
            foreach (var image in HelloImages.Specification)
            {
                await appHost.WaitForLineAsync(line => line.Contains($"Resource '{image.Resource}' is ready.", StringComparison.Ordinal), StartLimit); // it is healthy
            }

            await appHost.SignalAsync("INT");
            await appHost.EndAsync(EndLimit);
            await AppHostProgram.AssertNothingIsLeftAsync(orchestrator);
        }

        await end.CancelAsync();
        await answering;
        Assert.DoesNotContain(asked, request => request.Contains("localhost", StringComparison.Ordinal) || request.Contains("127.0.0.1", StringComparison.Ordinal));

        // "GET http://localhost:8080/health HTTP/1.1" or "CONNECT localhost:443 HTTP/1.1"
        async Task AnswerAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await proxy.AcceptTcpClientAsync(end.Token);
                    using var reader = new StreamReader(client.GetStream());
                    asked.Add(await reader.ReadLineAsync(end.Token) ?? "");
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}
