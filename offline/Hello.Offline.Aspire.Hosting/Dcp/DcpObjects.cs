using System.Text.Json.Serialization;

namespace Aspire.Hosting.Dcp;

/// <summary>
/// An object of DCP's API, which is shaped like that of Kubernetes: https://github.com/microsoft/dcp/tree/main/api/v1.
/// For example <c>{"apiVersion":"usvc-dev.developer.microsoft.com/v1","kind":"Service","metadata":{"name":"alpine"},"spec":{…},"status":{…}}</c>.
/// </summary>
/// <typeparam name="TSpec">What is asked for.</typeparam>
/// <typeparam name="TStatus">What is.</typeparam>
internal sealed record DcpObject<TSpec, TStatus>
{
    public string ApiVersion { get; init; } = DcpClient.Group;

    public required string Kind { get; init; }

    public required DcpMetadata Metadata { get; init; }

    public required TSpec Spec { get; init; }

    public TStatus? Status { get; init; }
}

internal sealed record DcpMetadata
{
    public required string Name { get; init; }

    public string? Uid { get; init; }

    public Dictionary<string, string>? Annotations { get; init; }

    public DateTime? CreationTimestamp { get; init; }
}

/// <summary>One of the kinds of object; the type parameters tie it to what it holds.</summary>
internal sealed record DcpKind<TSpec, TStatus>(string Name, string Plural)
{
    public DcpObject<TSpec, TStatus> New(string name, TSpec spec, Dictionary<string, string>? annotations = null) =>
        new() { Kind = Name, Metadata = new() { Name = name, Annotations = annotations }, Spec = spec };
}

internal static class DcpKinds
{
    public static readonly DcpKind<ContainerNetworkSpec, object> ContainerNetwork = new("ContainerNetwork", "containernetworks");
    public static readonly DcpKind<ServiceSpec, ServiceStatus> Service = new("Service", "services");
    public static readonly DcpKind<ContainerSpec, ContainerStatus> Container = new("Container", "containers");
    public static readonly DcpKind<ExecutableSpec, ExecutableStatus> Executable = new("Executable", "executables");
    public static readonly DcpKind<TunnelProxySpec, TunnelProxyStatus> TunnelProxy = new("ContainerNetworkTunnelProxy", "containernetworktunnelproxies");
}

internal sealed record ContainerNetworkSpec(string NetworkName);

/// <param name="AddressAllocationMode">"Localhost": DCP listens there; "Proxyless": the one endpoint's own address is taken.</param>
internal sealed record ServiceSpec(string? Address, int? Port, string AddressAllocationMode, string Protocol = "TCP");

internal sealed record ServiceStatus(string? State, int? EffectivePort);

internal sealed record ContainerSpec
{
    public required string ContainerName { get; init; }

    public required string Image { get; init; }

    public required BuildSpec Build { get; init; }

    // DCP leaves out an empty list when it answers.
    public IReadOnlyList<PortSpec> Ports { get; init; } = [];

    public IReadOnlyList<EnvVar> Env { get; init; } = [];

    public IReadOnlyList<string> RunArgs { get; init; } = [];

    public required IReadOnlyList<NetworkConnection> Networks { get; init; }

    public bool? Stop { get; init; }
}

internal sealed record BuildSpec(string Context, string Dockerfile, string? Stage, IReadOnlyList<EnvVar>? Args);

internal sealed record PortSpec(int ContainerPort, string Protocol = "TCP");

internal sealed record EnvVar(string Name, string? Value);

internal sealed record NetworkConnection(string Name, IReadOnlyList<string> Aliases);

/// <param name="ExitCode">-1 while it is not known.</param>
internal sealed record ContainerStatus(
    string? State, string? ContainerId, string? Message, DateTime? StartupTimestamp, DateTime? FinishTimestamp, int? ExitCode, IReadOnlyList<EnvVar>? EffectiveEnv);

internal sealed record ExecutableSpec(
    string ExecutablePath, IReadOnlyList<string> Args, IReadOnlyList<EnvVar> Env, string WorkingDirectory, string ExecutionType = "Process");

internal sealed record ExecutableStatus(string? State, DateTime? StartupTimestamp, DateTime? FinishTimestamp, int? ExitCode);

internal sealed record TunnelProxySpec(string ContainerNetworkName, IReadOnlyList<string> Aliases, IReadOnlyList<TunnelSpec> Tunnels);

/// <summary>Carries what a container sends to the client service on to the server service on the host.</summary>
internal sealed record TunnelSpec(string Name, string ServerServiceName, string ClientServiceName);

internal sealed record TunnelProxyStatus(string? State, string? Message);

/// <summary>Value of the annotation that ties a container or executable to the services it provides.</summary>
internal sealed record ServiceProducer(string ServiceName, string Address, int? Port)
{
    public const string Annotation = "service-producer";
}

/// <summary>What <c>dcp info</c> prints: <c>{"version":"0.25.13",…,"containers":{"runtime":"docker","installed":true,"running":true}}</c>.</summary>
internal sealed record DcpInfo(string Version, ContainerRuntimeInfo? Containers);

internal sealed record ContainerRuntimeInfo(string Runtime, bool Installed, bool Running, string? Error);

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DcpInfo))]
[JsonSerializable(typeof(ServiceProducer[]))]
internal sealed partial class DcpJson : JsonSerializerContext;
