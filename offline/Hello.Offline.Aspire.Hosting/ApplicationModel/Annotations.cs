namespace Aspire.Hosting.ApplicationModel;

/// <summary>The image that a container runs.</summary>
internal sealed class ContainerImageAnnotation : IResourceAnnotation
{
    public required string Image { get; set; }

    public required string Tag { get; set; }

    public string Reference => $"{Image}:{Tag}";
}

/// <summary>How the image is built; both paths are absolute.</summary>
internal sealed record DockerfileBuildAnnotation(string ContextPath, string DockerfilePath, string? Stage) : IResourceAnnotation
{
    public Dictionary<string, object?> BuildArguments { get; } = [];
}

/// <summary>Arguments of the engine's command that makes the container.</summary>
internal sealed record ContainerRuntimeArgsAnnotation(IReadOnlyList<string> Args) : IResourceAnnotation;

/// <summary>A variable that the model sets in the resource's environment.</summary>
internal sealed record EnvironmentAnnotation(string Name, string Value) : IResourceAnnotation;

/// <summary>The resource sends telemetry to the dashboard.</summary>
internal sealed record OtlpExporterAnnotation(OtlpProtocol? RequiredProtocol) : IResourceAnnotation;

/// <summary>Changes the link of an endpoint.</summary>
internal sealed record UrlCallbackAnnotation(string EndpointName, Action<ResourceUrlAnnotation> Callback) : IResourceAnnotation;

/// <summary>The name of a registered health check that speaks for the resource.</summary>
internal sealed record HealthCheckAnnotation(string Key) : IResourceAnnotation;

/// <summary>The icon that the dashboard shows.</summary>
internal sealed record ResourceIconAnnotation(string IconName, IconVariant IconVariant) : IResourceAnnotation;

/// <summary>A command that the dashboard offers.</summary>
internal sealed record ResourceCommandAnnotation(
    string Name,
    string DisplayName,
    CommandOptions Options,
    Func<ExecuteCommandContext, Task<ExecuteCommandResult>> ExecuteCommand) : IResourceAnnotation
{
    public ResourceCommandSnapshot ToSnapshot(CustomResourceSnapshot snapshot, IServiceProvider services) => new(
        Name,
        Options.UpdateState?.Invoke(new() { ResourceSnapshot = snapshot, Services = services }) ?? ResourceCommandState.Enabled,
        DisplayName,
        Options.Description,
        Parameter: null,
        Options.ConfirmationMessage,
        Options.IconName,
        Options.IconVariant,
        Options.IsHighlighted);
}
