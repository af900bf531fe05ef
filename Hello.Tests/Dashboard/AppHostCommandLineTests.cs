namespace Hello.Tests;

/// <summary>What the AppHost says before it starts anything. It needs no engine for that.</summary>
[Trait("Needs", "Gnu")]
public sealed class AppHostCommandLineTests
{
    [Fact]
    public async Task All_ports_that_are_taken_are_one_line_that_says_how_to_go_on()
    {
        var ports = LaunchProfile.OnFreePorts();
        string[] addresses = [.. LaunchProfile.Addresses.Select(setting => ports[setting]!)];
        List<TcpListener> others = [.. addresses.Select(address => new TcpListener(IPAddress.Loopback, new Uri(address).Port))];
        try
        {
            others.ForEach(listener => listener.Start());
            await AssertRefusedAsync(Refusal(addresses), ports);
        }
        finally
        {
            others.ForEach(listener => listener.Dispose());
        }
    }

    /// <summary>A connection to such a port is refused as if it were free.</summary>
    [Fact]
    public async Task A_port_that_is_reserved_and_not_listened_on_is_taken()
    {
        var ports = LaunchProfile.OnFreePorts();
        var address = ports["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"]!;
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, new Uri(address).Port));
        if (OperatingSystem.IsLinux())
        {
            other.SetRawSocketOption(1, 2, BitConverter.GetBytes(0)); // SO_REUSEADDR, which .NET sets, would share the port: socket(7)
        }

        await AssertRefusedAsync(Refusal(address), ports);
    }

    [Theory]
    [InlineData("http://localhost:{0}")]
    [InlineData("http://127.0.0.1:{0}")]
    [InlineData("http://*:{0}")]
    public async Task One_port_for_two_addresses_is_one_line(string other)
    {
        var ports = LaunchProfile.OnFreePorts();
        var (first, second) = (LaunchProfile.Addresses[1], LaunchProfile.Addresses[2]);
        ports[second] = other.Replace("{0}", $"{new Uri(ports[first]!).Port}", StringComparison.Ordinal);
        await AssertRefusedAsync(
            $"error: The AppHost cannot listen on one port twice: {first}={ports[first]} and {second}={ports[second]}. Give each its own port, or "
                + "take free ports: dotnet run --project Hello.AppHost -- --DcpPublisher:RandomizePorts=true",
            ports);
    }

    [Fact]
    public Task An_engine_that_nobody_knows_is_one_line() => AssertRefusedAsync(
        "error: DcpPublisher:ContainerRuntime is 'rocket', which is no known container engine. Set it to docker or podman, or remove it.",
        LaunchProfile.OnFreePorts(),
        "--DcpPublisher:ContainerRuntime=rocket");

    [Fact]
    public Task An_unknown_argument_is_one_line() => AssertRefusedAsync(
        "error: The AppHost does not know the argument 'comapre'. It takes settings such as --DcpPublisher:RandomizePorts=true, and "
        + "--operation publish. To measure the images, run: dotnet run --project Hello.Compare -- --help",
        LaunchProfile.OnFreePorts(),
        "comapre");

    /// <summary>https://learn.microsoft.com/dotnet/core/extensions/configuration-providers#command-line-configuration-provider</summary>
    [Theory]
    [InlineData("", null)]
    [InlineData("--DcpPublisher:RandomizePorts=true", null)]
    [InlineData("--DcpPublisher:RandomizePorts true", null)]
    [InlineData("--DcpPublisher:RandomizePorts", "--DcpPublisher:RandomizePorts")] // has no value
    [InlineData("/DcpPublisher:RandomizePorts true", null)]
    [InlineData("ASPNETCORE_URLS=http://localhost:1", null)]
    [InlineData("--Operation=publish --publisher manifest --OUTPUT-PATH out.json", null)]
    [InlineData("--log-level= --yes true", null)]
    [InlineData("--operation publish comapre", "comapre")]
    [InlineData("--runs 1", "--runs")]
    [InlineData("/runs=1", "/runs=1")]
    [InlineData("-h", "-h")]
    [InlineData("---operation publish", "---operation")]
    [InlineData("--=1", "--=1")]
    [InlineData("--newer-option x", null, true)]
    [InlineData("--operation", "--operation", true)]
    public void An_argument_that_nobody_reads_is_found_and_the_Aspire_CLI_may_use_any_name(string arguments, string? unknown, bool isAspireCli = false) =>
        Assert.Equal(unknown, AppHostArguments.FindUnknown(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), isAspireCli));

    private static string Refusal(params string[] addresses) =>
        $"error: The AppHost cannot listen on {string.Join(", ", addresses)}: in use, perhaps by another AppHost. End it, or take free ports: "
        + "dotnet run --project Hello.AppHost -- --DcpPublisher:RandomizePorts=true";

    /// <summary>Fails unless the AppHost ends with one line.</summary>
    private static async Task AssertRefusedAsync(string line, Dictionary<string, string?> environment, params string[] arguments) =>
        Assert.Equal(new(1, "", line), await CommandLine.TryAsync(CommandLine.AppHost(environment, arguments)));
}
