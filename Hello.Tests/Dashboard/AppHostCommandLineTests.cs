using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Hello.AppHost;

namespace Hello.Tests;

/// <summary>What the AppHost says before it starts anything, and what it publishes. It needs no engine for that.</summary>
public sealed class AppHostCommandLineTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static TheoryData<string> Addresses => [.. LaunchProfile.Addresses];

    [Theory]
    [MemberData(nameof(Addresses))]
    public async Task A_port_that_is_taken_is_one_line_that_says_how_to_go_on(string setting)
    {
        var ports = LaunchProfile.OnFreePorts();
        using var other = Listen(new(ports[setting]!));
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.AppHost(ports), Limit);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Equal(Refusal(ports[setting]), error);
    }

    /// <summary>A connection to such a port is refused as if it were free.</summary>
    [Fact]
    public async Task A_port_that_is_reserved_and_not_listened_on_is_taken()
    {
        var ports = LaunchProfile.OnFreePorts();
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, new Uri(ports["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"]!).Port));
        if (OperatingSystem.IsLinux())
        {
            other.SetRawSocketOption(1, 2, BitConverter.GetBytes(0)); // SO_REUSEADDR, which .NET sets, would share the port: socket(7)
        }

        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.AppHost(ports), Limit);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Equal(Refusal(ports["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"]), error);
    }

    [Theory]
    [InlineData("ASPIRE_CONTAINER_RUNTIME")]
    [InlineData("DOTNET_ASPIRE_CONTAINER_RUNTIME")]
    [InlineData("DcpPublisher:ContainerRuntime")]
    public async Task An_engine_that_nobody_knows_is_one_line(string setting)
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.AppHost(LaunchProfile.OnFreePorts(), $"--{setting}=rocket"), Limit);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Equal($"error: {setting} is 'rocket', which is no known container engine. Set it to docker or podman, or remove it.", error);
    }

    [Theory]
    [InlineData(null, "localhost,.localhost,127.0.0.1,::1,[::1]")]
    [InlineData("", "localhost,.localhost,127.0.0.1,::1,[::1]")]
    [InlineData("example.org, localhost", "example.org,localhost,.localhost,127.0.0.1,::1,[::1]")]
    public void No_proxy_is_asked_for_this_machine(string? before, string after) => Assert.Equal(after, LoopbackProxy.WithLoopback(before));

    [Fact]
    public async Task All_ports_that_are_taken_are_named()
    {
        var ports = LaunchProfile.OnFreePorts();
        List<TcpListener> others = [.. LaunchProfile.Addresses.Select(setting => Listen(new(ports[setting]!)))];
        try
        {
            var (exitCode, _, error) = await CommandLine.TryAsync(CommandLine.AppHost(ports), Limit);

            Assert.Equal(1, exitCode);
            Assert.Equal(Refusal([.. LaunchProfile.Addresses.Select(setting => ports[setting])]), error);
        }
        finally
        {
            others.ForEach(listener => listener.Dispose());
        }
    }

    [Fact]
    public async Task An_unknown_argument_is_one_line_and_exit_code_1()
    {
        var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.AppHost(LaunchProfile.OnFreePorts(), "comapre"), Limit);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Equal(
            "error: The AppHost does not know the argument 'comapre'. It takes settings such as --DcpPublisher:RandomizePorts=true, and --operation publish. To measure the images, run: dotnet run --project Hello.Compare -- --help",
            error);
    }

    [Fact]
    public async Task It_publishes_a_manifest_although_another_AppHost_has_its_ports()
    {
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        var ports = LaunchProfile.OnFreePorts();
        ports["HOME"] = folder.FullName; // Aspire keeps the state of a deployment there
        List<TcpListener> others = [.. LaunchProfile.Addresses.Select(setting => Listen(new(ports[setting]!)))];
        try
        {
            var manifest = Path.Combine(folder.FullName, "manifest.json");
            var (exitCode, output, error) = await CommandLine.TryAsync(CommandLine.AppHost(ports, "--operation", "publish", "--publisher", "manifest", "--output-path", manifest), Limit);

            Assert.True(exitCode == 0, $"It ended with {exitCode}: {output}\n{error}");
            using var json = JsonDocument.Parse(await File.ReadAllTextAsync(manifest));
            Assert.Equal(HelloImages.Specification.Select(i => i.Resource), json.RootElement.GetProperty("resources").EnumerateObject().Select(r => r.Name));
        }
        finally
        {
            others.ForEach(listener => listener.Dispose());
            folder.Delete(recursive: true);
        }
    }

    /// <summary>https://learn.microsoft.com/dotnet/core/extensions/configuration-providers#command-line-configuration-provider</summary>
    [Theory]
    [InlineData("")]
    [InlineData("--DcpPublisher:RandomizePorts=true")]
    [InlineData("--DcpPublisher:RandomizePorts true")]
    [InlineData("/DcpPublisher:RandomizePorts=true")]
    [InlineData("/DcpPublisher:RandomizePorts true")]
    [InlineData("DcpPublisher:RandomizePorts=true")]
    [InlineData("--Logging:LogLevel:Default=Debug --Parameters:a=b")]
    [InlineData("ASPNETCORE_URLS=http://localhost:1")]
    [InlineData("--ASPIRE_CONTAINER_RUNTIME podman")]
    [InlineData("--operation publish --publisher manifest --output-path out.json")]
    [InlineData("--Operation=publish --OUTPUT-PATH=out")]
    [InlineData("--environment Production")]
    [InlineData("--log-level= --yes true")]
    public void A_setting_is_known_in_every_form(string arguments) => Assert.Null(Find(arguments));

    [Theory]
    [InlineData("comapre", "comapre")]
    [InlineData("compare --runs 1", "compare")]
    [InlineData("--operation publish comapre", "comapre")]
    [InlineData("--runs 1", "--runs")]
    [InlineData("--runs=1", "--runs=1")]
    [InlineData("/runs 1", "/runs")]
    [InlineData("runs=1", "runs=1")]
    [InlineData("-h", "-h")]
    [InlineData("-o=x", "-o=x")]
    [InlineData("--help", "--help")]
    [InlineData("---operation publish", "---operation")]
    [InlineData("--=1", "--=1")]
    [InlineData("=1", "=1")]
    [InlineData("--", "--")]
    [InlineData("--operation", "--operation")] // has no value
    [InlineData("--operation publish --yes", "--yes")]
    [InlineData("operation", "operation")]
    [InlineData("--opration publish", "--opration")]
    [InlineData("--DcpPublisher:RandomizePorts", "--DcpPublisher:RandomizePorts")]
    [InlineData("--DcpPublisher:RandomizePorts=true typo", "typo")]
    public void An_argument_that_nobody_reads_is_found(string arguments, string unknown) => Assert.Equal(unknown, Find(arguments));

    [Theory]
    [InlineData("--newer-option x", null)]
    [InlineData("--newer=x", null)]
    [InlineData("comapre", "comapre")]
    [InlineData("--operation", "--operation")]
    public void From_the_Aspire_CLI_an_option_may_have_any_name(string arguments, string? unknown) => Assert.Equal(unknown, Find(arguments, anyName: true));

    /// <summary>What the AppHost says when it cannot listen.</summary>
    internal static string Refusal(params string?[] addresses) =>
        $"error: The AppHost cannot listen on {string.Join(", ", addresses)}: in use, perhaps by another AppHost. End it, or take free ports: dotnet run --project Hello.AppHost -- --DcpPublisher:RandomizePorts=true";

    private static string? Find(string arguments, bool anyName = false) => AppHostArguments.FindUnknown(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), anyName);

    private static TcpListener Listen(Uri address)
    {
        var listener = new TcpListener(IPAddress.Loopback, address.Port);
        listener.Start();
        return listener;
    }
}
