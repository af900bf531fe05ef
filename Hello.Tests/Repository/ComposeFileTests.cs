using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hello.Compare.Images;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Hello.Tests;

/// <summary>deploy/compose.yaml runs each build as the AppHost does.</summary>
public sealed partial class ComposeFileTests
{
    private static readonly string Root = RepositoryFolder.Find();

    private static readonly string Folder = Path.Combine(Root, "deploy");

    private static readonly ComposeFile[] Documents = Parse(File.ReadAllText(Path.Combine(Folder, "compose.yaml")));

    /// <summary>What a swarm reads, too.</summary>
    private static readonly Dictionary<string, Service> Services = Documents[0].Services;

    /// <summary>All builds, for a theory.</summary>
    public static TheoryData<string> Builds => [.. HelloImage.FindAll(Root).Select(image => image.Name)];

    [Theory]
    [MemberData(nameof(Builds))]
    public void Each_build_has_a_service_with_the_image_and_the_options_of_the_AppHost(string name)
    {
        var image = HelloImage.Of(Root, name);
        Assert.True(Services.TryGetValue(name, out var service), $"deploy/compose.yaml has no service '{name}'. Dockerfile-{name} is a build.");

        Assert.Equal(image.Reference, service!.Image);
        Assert.Equal(("..", $"Dockerfile-{name}"), (service.Build!["context"], service.Build["dockerfile"]));
        Assert.Equal(image.RunOptions, OptionsOf(service, Documents[1].Services.GetValueOrDefault(name)));
    }

    [Theory]
    [MemberData(nameof(Builds))]
    public void Each_build_is_reached_on_loopback_and_asked_for_its_health(string name)
    {
        var service = Services[name];

        var port = Port().Match($"{Assert.Single(service.Ports!)}");
        Assert.True(port.Success, $"{name} publishes {service.Ports![0]}.");
        Assert.Equal($"{HelloImage.Port}", port.Groups["inside"].Value);
        var test = service.Healthcheck!.Test;
        Assert.True(
            test is ["CMD", "/hello-api", "--health"] || test[^1] == $"http://127.0.0.1:{HelloImage.Port}{HelloImage.HealthPath}",
            $"{name} is asked with {string.Join(' ', test)}.");
    }

    [Theory]
    [MemberData(nameof(Builds))]
    public void Each_build_sends_its_telemetry_to_the_dashboard(string name)
    {
        var variables = Services[name].Environment!;

        Assert.Equal("http/protobuf", variables["OTEL_EXPORTER_OTLP_PROTOCOL"]);
        Assert.Equal(name, variables["OTEL_SERVICE_NAME"]);
        Assert.Contains(new Uri(variables["OTEL_EXPORTER_OTLP_ENDPOINT"]).Host, Services.Keys);
        Assert.Equal($"x-otlp-api-key={Services["dashboard"].Environment!["DASHBOARD__OTLP__PRIMARYAPIKEY"]}", variables["OTEL_EXPORTER_OTLP_HEADERS"]);
    }

    [Fact]
    public void Every_service_starts_again_keeps_a_bounded_log_and_has_a_port_of_its_own()
    {
        Assert.All(Services.Values, service =>
        {
            Assert.Equal("unless-stopped", service.Restart);
            Assert.Equal(["max-file", "max-size"], service.Logging!.Options.Keys.Order(StringComparer.Ordinal));
        });
        var ports = Services.Values.SelectMany(service => service.Ports!).Select(port => Port().Match($"{port}")).ToArray();
        Assert.All(ports, port => Assert.Equal("${PUBLISH_ADDRESS:-127.0.0.1}", port.Groups["address"].Value));
        Assert.Distinct(ports.Select(port => port.Groups["outside"].Value));
    }

    [Fact]
    public void The_dashboard_is_that_of_the_AppHost()
    {
        var packages = XDocument.Load(Path.Combine(Root, "Directory.Packages.props"));
        var version = packages.Descendants("PackageVersion").Single(p => p.Attribute("Include")!.Value == "Aspire.Hosting.AppHost").Attribute("Version")!.Value;

        Assert.Equal($"mcr.microsoft.com/dotnet/aspire-dashboard:{string.Join('.', version.Split('.')[..2])}", Services["dashboard"].Image);
    }

    [Fact]
    public void The_example_of_the_keys_has_each_variable_of_the_file_and_no_key()
    {
        var example = File.ReadAllLines(Path.Combine(Folder, ".env.example")).Where(line => line is not ("" or ['#', ..])).Select(line => line.Split('=')).ToDictionary(line => line[0], line => line[1]);

        Assert.Equal(Variable().Matches(File.ReadAllText(Path.Combine(Folder, "compose.yaml"))).Select(m => m.Groups["name"].Value).Distinct().Order(StringComparer.Ordinal), example.Keys.Order(StringComparer.Ordinal));
        Assert.All(example, variable => Assert.True(variable.Value.Length == 0 || variable.Key == "PUBLISH_ADDRESS", $"{variable.Key} has a value."));
        Assert.Contains(".env", File.ReadAllLines(Path.Combine(Root, ".gitignore")));
    }

    /// <summary><c>docker stack</c> refuses fields that <c>docker compose</c> takes.</summary>
    [FactIfInstalled("docker")]
    public async Task A_swarm_takes_the_file_and_keeps_the_limits()
    {
        var config = await CommandLine.RunAsync("docker", "stack", "config", "--compose-file", Path.Combine(Folder, "compose.yaml"));

        var services = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).IgnoreUnmatchedProperties().Build().Deserialize<ComposeFile>(config).Services;
        Assert.Equal(Services.Keys.Order(StringComparer.Ordinal), services.Keys.Order(StringComparer.Ordinal));
        Assert.All(Services.Where(s => s.Value.Deploy is not null), s => Assert.Equal(
            (s.Value.ReadOnly, string.Join(' ', s.Value.CapDrop!), s.Value.Deploy!.Resources.Limits.Pids, Bytes(s.Value.Deploy.Resources.Limits.Memory)),
            (services[s.Key].ReadOnly, string.Join(' ', services[s.Key].CapDrop!), services[s.Key].Deploy!.Resources.Limits.Pids, services[s.Key].Deploy!.Resources.Limits.Memory)));

        static string Bytes(string memory) => $"{long.Parse(memory.TrimEnd('m'), CultureInfo.InvariantCulture) << 20}";
    }

    [Fact]
    public void A_field_that_these_tests_do_not_know_is_refused() =>
        Assert.Throws<YamlException>(() => Parse("services: { scratch: { read_onyl: true } }"));

    /// <summary>The options of <c>docker run</c> that mean the same, in the order of <see cref="HelloImage.LeastPrivilege"/>.</summary>
    private static string[] OptionsOf(Service service, Service? compose) =>
    [
        .. service.ReadOnly ? ["--read-only"] : Array.Empty<string>(),
        .. (service.Tmpfs ?? []).SelectMany(tmpfs => (string[])["--tmpfs", tmpfs]),
        .. (service.CapDrop ?? []).SelectMany(capability => (string[])["--cap-drop", capability]),
        .. (service.SecurityOpt ?? []).SelectMany(option => (string[])["--security-opt", option]),
        .. service.Deploy is { } deploy ? (string[])["--memory", deploy.Resources.Limits.Memory, "--memory-swap", compose!.MemswapLimit!, "--pids-limit", deploy.Resources.Limits.Pids] : [],
    ];

    private static ComposeFile[] Parse(string text)
    {
        var parser = new MergingParser(new Parser(new StringReader(text)));
        var deserializer = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build();
        List<ComposeFile> documents = [];
        for (parser.Consume<StreamStart>(); !parser.Accept<StreamEnd>(out _);)
        {
            documents.Add(deserializer.Deserialize<ComposeFile>(parser));
        }

        return [.. documents];
    }

    [GeneratedRegex(@"\$\{(?<name>\w+)")]
    private static partial Regex Variable();

    [GeneratedRegex("^(?<address>.+):(?<outside>[0-9]+):(?<inside>[0-9]+)$")]
    private static partial Regex Port();

    /// <summary>The part of https://docs.docker.com/reference/compose-file/ that the file uses. YamlDotNet refuses any other field.</summary>
    private sealed class ComposeFile
    {
        public string Name { get; set; } = "";

        [YamlMember(Alias = "x-service", ApplyNamingConventions = false)]
        public object? XService { get; set; }

        [YamlMember(Alias = "x-telemetry", ApplyNamingConventions = false)]
        public object? XTelemetry { get; set; }

        [YamlMember(Alias = "x-from-scratch", ApplyNamingConventions = false)]
        public object? XFromScratch { get; set; }

        public Dictionary<string, Service> Services { get; set; } = [];
    }

    private sealed class Service
    {
        public string Image { get; set; } = "";
        public Dictionary<string, string>? Build { get; set; }
        public Dictionary<string, string>? Environment { get; set; }
        public List<object>? Ports { get; set; }
        public string? Restart { get; set; }
        public Logging? Logging { get; set; }
        public bool ReadOnly { get; set; }
        public List<string>? Tmpfs { get; set; }
        public List<string>? CapDrop { get; set; }
        public List<string>? SecurityOpt { get; set; }
        public string? MemswapLimit { get; set; }
        public Deploy? Deploy { get; set; }
        public Healthcheck? Healthcheck { get; set; }
    }

    private sealed class Logging
    {
        public string Driver { get; set; } = "";
        public Dictionary<string, string> Options { get; set; } = [];
    }

    private sealed class Deploy
    {
        public Dictionary<string, string>? UpdateConfig { get; set; }

        public Resources Resources { get; set; } = new();
    }

    private sealed class Resources
    {
        public Limits Limits { get; set; } = new();
    }

    private sealed class Limits
    {
        public string Memory { get; set; } = "";
        public string Pids { get; set; } = "";
    }

    private sealed class Healthcheck
    {
        public List<string> Test { get; set; } = [];
        public string? Interval { get; set; }
        public string? Timeout { get; set; }
        public string? StartPeriod { get; set; }
    }
}
