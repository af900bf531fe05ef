using System.Collections.Concurrent;

namespace Hello.Tests;

/// <summary>The AppHost in a process of its own, beside the shared application.</summary>
[Trait("Needs", "Engine")]
public sealed class AppHostProcessTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Aspire copies a trusted developer certificate into containers, and the file systems of two builds are read-only:
    /// https://aspire.dev/app-host/certificate-configuration/. A proxy would look for the dashboard, the orchestrator and the containers on
    /// its own machine.
    /// </summary>
    [Theory]
    [InlineData("INT", true)]
    [InlineData("KILL", false)]
    public async Task With_a_certificate_a_proxy_and_variables_or_without_the_builds_run_and_a_signal_leaves_nothing_behind(string signal, bool withAll)
    {
        var home = Directory.CreateTempSubdirectory("hello-test-");
        using var proxy = new RecordingProxy();
        try
        {
            var environment = LaunchProfile.OnFreePorts();
            environment["HOME"] = environment["DOTNET_CLI_HOME"] = home.FullName;
            environment["DOTNET_GENERATE_ASPNET_CERTIFICATE"] = "false";
            foreach (var (name, value) in withAll ? PersonEnvironment.Create(home, proxy.Address) : [])
            {
                environment[name] = value;
            }

            if (withAll && OperatingSystem.IsLinux()) // elsewhere the certificates are not in the home folder
            {
                // It ends with an error if it cannot make browsers trust the certificate. Aspire asks .NET's own store only.
                var make = Cli.Wrap("dotnet").WithArguments(["dev-certs", "https", "--trust"]).WithEnvironmentVariables(environment);
                var made = await CommandLine.TryAsync(make);
                var trusted = Path.Combine(home.FullName, ".dotnet", "corefx", "cryptography", "x509stores", "root");
                Assert.True(Directory.Exists(trusted) && Directory.EnumerateFiles(trusted).Any(), $"{made.Output}\n{made.Error}");
            }

            await using var appHost = new RunningProgram(CommandLine.AppHost(environment, "--Logging:LogLevel:Aspire.Hosting.Health=Debug"));
            var orchestrator = await AppHostProgram.OrchestratorAsync(appHost.Id);
            await AppHostProgram.AssertAllAnswerAsync(appHost, orchestrator, StartLimit);
            foreach (var image in HelloImages.Specification)
            {
                // It is healthy.
                await appHost.WaitForLineAsync(line => line.Contains($"Resource '{image.Resource}' is ready.", StringComparison.Ordinal), StartLimit);
            }

            await appHost.SignalAsync(signal);
            var (exitCode, output, error) = await appHost.EndAsync(EndLimit);

            Assert.Equal(signal == "KILL" ? 137 : 0, exitCode);
            Assert.DoesNotMatch(AppHostProgram.StackTrace(), output + error);
            await AppHostProgram.AssertNothingIsLeftAsync(orchestrator);
            Assert.False(Directory.Exists(Path.Combine(home.FullName, ".aspire", "dashboard")), "The dashboard has kept the run.");
            Assert.False(proxy.Recording.IsCompleted, $"{proxy.Recording.Exception}");
            // "GET http://localhost:8080/health HTTP/1.1" or "CONNECT localhost:443 HTTP/1.1"
            Assert.All(proxy.Requests, request => Assert.DoesNotMatch(@"localhost|127\.0\.0\.1", request));
        }
        finally
        {
            home.Delete(recursive: true);
        }

        // The application beside it runs on.
        await hello.AssertRunsAsync();
    }

    /// <summary>A proxy that notes what it is asked for, and does nothing.</summary>
    private sealed class RecordingProxy : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public RecordingProxy()
        {
            _listener.Start();
            Recording = RecordAsync();
        }

        public string Address => $"http://{_listener.LocalEndpoint}";

        /// <summary>It ends only with a fault, such as that of a client.</summary>
        public Task Recording { get; }

        public ConcurrentQueue<string> Requests { get; } = [];

        public void Dispose() => _listener.Dispose(); // which ends the recording

        private async Task RecordAsync()
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync();
                using var reader = new StreamReader(client.GetStream());
                Requests.Enqueue(await reader.ReadLineAsync() ?? "");
            }
        }
    }
}
