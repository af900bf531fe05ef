using System.Collections.Immutable;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The state of a resource at one moment.</summary>
public sealed record CustomResourceSnapshot
{
    /// <summary>Kind of resource: Container, Executable.</summary>
    public required string ResourceType { get; init; }

    /// <summary>What the dashboard shows in the details.</summary>
    public required ImmutableArray<ResourcePropertySnapshot> Properties { get; init; }

    /// <summary>When the resource was created, UTC.</summary>
    public DateTime? CreationTimeStamp { get; init; }

    /// <summary>When it was started, UTC.</summary>
    public DateTime? StartTimeStamp { get; init; }

    /// <summary>When it ended, UTC.</summary>
    public DateTime? StopTimeStamp { get; init; }

    /// <summary>What it is doing: see <see cref="KnownResourceStates"/>.</summary>
    public ResourceStateSnapshot? State { get; init; }

    /// <summary>The process's exit code, once it has ended.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Null unless the resource runs; then the worst of the reports, and Unhealthy before the first.</summary>
    public HealthStatus? HealthStatus =>
        State?.Text != KnownResourceStates.Running ? null
        : HealthReports.IsEmpty ? Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy
        : HealthReports.Min(r => r.Status ?? Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Unhealthy);

    /// <summary>One for each health check.</summary>
    public ImmutableArray<HealthReportSnapshot> HealthReports { get; internal init; } = [];

    /// <summary>The environment of the process.</summary>
    public ImmutableArray<EnvironmentVariableSnapshot> EnvironmentVariables { get; init; } = [];

    /// <summary>The links.</summary>
    public ImmutableArray<UrlSnapshot> Urls { get; init; } = [];

    /// <summary>The commands, each with its present state.</summary>
    public ImmutableArray<ResourceCommandSnapshot> Commands { get; init; } = [];

    /// <summary>Whether the dashboard leaves the resource out of the list.</summary>
    public bool IsHidden { get; init; }

    /// <summary>Name of a Fluent UI icon.</summary>
    public string? IconName { get; init; }

    /// <summary>Outline or filled.</summary>
    public IconVariant? IconVariant { get; init; }
}

/// <summary>What a resource is doing.</summary>
/// <param name="Text">The state's name.</param>
/// <param name="Style">How the dashboard colours it.</param>
public sealed record ResourceStateSnapshot(string Text, string? Style)
{
    /// <summary>A state without a style of its own.</summary>
    /// <param name="s">The state's name.</param>
    public static implicit operator ResourceStateSnapshot?(string? s) => s is null ? null : new(s, null);
}

/// <summary>A variable of the environment.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value.</param>
/// <param name="IsFromSpec">Whether the model set it.</param>
public sealed record EnvironmentVariableSnapshot(string Name, string? Value, bool IsFromSpec);

/// <summary>A link.</summary>
/// <param name="Name">The endpoint's name.</param>
/// <param name="Url">The whole URL.</param>
/// <param name="IsInternal">Whether it shows in the details only.</param>
public sealed record UrlSnapshot(string? Name, string Url, bool IsInternal)
{
    /// <summary>Text and order.</summary>
    public UrlDisplayPropertiesSnapshot DisplayProperties { get; init; } = new();

    /// <summary>Whether nothing answers there now.</summary>
    public bool IsInactive { get; init; }
}

/// <summary>How a link shows.</summary>
/// <param name="DisplayName">Its text.</param>
/// <param name="SortOrder">Its place: higher first.</param>
public sealed record UrlDisplayPropertiesSnapshot(string DisplayName = "", int SortOrder = 0);

/// <summary>A property that the dashboard shows.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">A string, a number, a boolean or a list of these.</param>
public sealed record ResourcePropertySnapshot(string Name, object? Value)
{
    /// <summary>What the dashboard calls it.</summary>
    public string? DisplayName { get; init; }

    /// <summary>Whether the value is masked.</summary>
    public bool IsSensitive { get; init; }

    /// <summary>Whether it shows without being asked for.</summary>
    public bool IsHighlighted { get; init; }

    /// <summary>Its place: lower first.</summary>
    public int? SortOrder { get; init; }
}

/// <summary>A command and its present state.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">Whether it can run.</param>
/// <param name="DisplayName">What the button says.</param>
/// <param name="DisplayDescription">The tooltip.</param>
/// <param name="Parameter">Unused.</param>
/// <param name="ConfirmationMessage">Question asked before it runs.</param>
/// <param name="IconName">Name of a Fluent UI icon.</param>
/// <param name="IconVariant">Outline or filled.</param>
/// <param name="IsHighlighted">Whether it has a button of its own.</param>
public sealed record ResourceCommandSnapshot(
    string Name,
    ResourceCommandState State,
    string DisplayName,
    string? DisplayDescription,
    object? Parameter,
    string? ConfirmationMessage,
    string? IconName,
    IconVariant? IconVariant,
    bool IsHighlighted);

/// <summary>What a health check said last.</summary>
/// <param name="Name">The check's name.</param>
/// <param name="Status">Its verdict; null before the first run.</param>
/// <param name="Description">Its reason.</param>
/// <param name="ExceptionText">What went wrong.</param>
public sealed record HealthReportSnapshot(string Name, HealthStatus? Status, string? Description, string? ExceptionText)
{
    /// <summary>When it ran, UTC.</summary>
    public DateTime? LastRunAt { get; init; }
}

/// <summary>The states that a resource can be in.</summary>
public static class KnownResourceStates
{
    /// <summary>On its way.</summary>
    public static readonly string Starting = nameof(Starting);

    /// <summary>Its image is being built.</summary>
    public static readonly string Building = nameof(Building);

    /// <summary>Running.</summary>
    public static readonly string Running = nameof(Running);

    /// <summary>Never ran.</summary>
    public static readonly string FailedToStart = nameof(FailedToStart);

    /// <summary>There is no working container engine.</summary>
    public static readonly string RuntimeUnhealthy = nameof(RuntimeUnhealthy);

    /// <summary>Being stopped.</summary>
    public static readonly string Stopping = nameof(Stopping);

    /// <summary>Ended.</summary>
    public static readonly string Exited = nameof(Exited);

    /// <summary>Ended, having done what it was for.</summary>
    public static readonly string Finished = nameof(Finished);

    /// <summary>The states from which nothing follows by itself.</summary>
    public static readonly IReadOnlyList<string> TerminalStates = [Finished, FailedToStart, Exited];
}
