using System.Xml.Linq;

namespace Hello.Tests;

/// <summary>What docker compose and a swarm read in deploy/compose.yaml. No engine is asked. ComposeTests runs the file.</summary>
[Trait("Needs", "Gnu")]
public sealed partial class ComposeFileTests
{
    private static readonly string Root = RepositoryFolder.Find();

    private static readonly string ComposeFile = Path.Combine(Root, "deploy", "compose.yaml");

    private static IEnumerable<string> Variables =>
        Variable().Matches(File.ReadAllText(ComposeFile)).Select(variable => variable.Groups["name"].Value).Distinct();

    [FactIfInstalled("docker compose")]
    public async Task Without_another_address_every_service_is_published_on_loopback()
    {
        var ports = (await ReadAsync("compose", "--env-file", "/dev/null", "--file", ComposeFile, "config"))
            .SelectMany(service => service.Value.GetProperty("ports").EnumerateArray()).ToArray();

        Assert.Equal(HelloImages.Specification.Length + 1, ports.Length);
        Assert.All(ports, port => Assert.Equal("127.0.0.1", port.GetProperty("host_ip").GetString()));
    }

    /// <summary><c>docker stack</c> refuses fields that <c>docker compose</c> takes.</summary>
    [FactIfInstalled("docker compose")]
    public async Task A_swarm_takes_the_file_and_keeps_the_limits()
    {
        var compose = await ReadAsync("compose", "--env-file", "/dev/null", "--file", ComposeFile, "config");
        var swarm = await ReadAsync("stack", "config", "--compose-file", ComposeFile);

        Assert.Equal(compose.Keys.Order(StringComparer.Ordinal), swarm.Keys.Order(StringComparer.Ordinal));
        Assert.All(compose, service => Assert.All(
            ["image", "environment", "read_only", "tmpfs", "cap_drop", "security_opt", "deploy", "healthcheck"],
            field => Assert.Equal(Text(service.Value, field), Text(swarm[service.Key], field))));

        static string Text(JsonElement service, string field) => service.TryGetProperty(field, out var value) ? $"{field}: {value.GetRawText()}" : "";
    }

    /// <summary>A newer dashboard would show something else than the one of the AppHost.</summary>
    [Fact]
    public void The_dashboard_is_that_of_the_AppHost()
    {
        var package = XDocument.Load(Path.Combine(Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .Single(p => p.Attribute("Include")!.Value == "Aspire.Hosting.AppHost");
        var version = Version.Parse(package.Attribute("Version")!.Value);

        Assert.Contains($"    image: mcr.microsoft.com/dotnet/aspire-dashboard:{version.ToString(2)}", File.ReadLines(ComposeFile));
    }

    [Fact]
    public void The_example_of_the_keys_has_each_variable_of_the_file_and_no_key()
    {
        var example = File.ReadAllLines(Path.Combine(Root, "deploy", ".env.example")).Where(line => line is not ("" or ['#', ..]));

        Assert.Equal(
            Variables.Select(name => name == "PUBLISH_ADDRESS" ? $"{name}=127.0.0.1" : $"{name}=").Order(StringComparer.Ordinal),
            example.Order(StringComparer.Ordinal));
        Assert.Contains(".env", File.ReadLines(Path.Combine(Root, ".gitignore")));
    }

    /// <summary>The services that a command understands, without the variables of this process.</summary>
    private static async Task<Dictionary<string, JsonElement>> ReadAsync(params string[] command)
    {
        var unset = Variables.ToDictionary(name => name, _ => (string?)null);
        var (exitCode, output, error) = await CommandLine.TryAsync(Cli.Wrap("docker").WithArguments(command).WithEnvironmentVariables(unset));
        Assert.True(exitCode == 0, error);
        return WorkflowTests.ParseYaml(output).GetProperty("services").EnumerateObject().ToDictionary(s => s.Name, s => s.Value);
    }

    [GeneratedRegex(@"\$\{(?<name>\w+)")]
    private static partial Regex Variable();
}
