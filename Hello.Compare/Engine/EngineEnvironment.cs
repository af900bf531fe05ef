namespace Hello.Compare.Engine;

/// <summary>The variables of a person that Docker's client reads.</summary>
public static class EngineEnvironment
{
    /// <summary>Each would make the client do something else than it is asked for: https://docs.docker.com/reference/cli/docker/#environment-variables.</summary>
    private static readonly string[] Changing =
    [
        "DOCKER_BUILDKIT", "DOCKER_CONTENT_TRUST", "DOCKER_DEFAULT_PLATFORM",
        // https://docs.docker.com/build/building/variables/
        "BUILDX_BUILDER", "BUILDKIT_PROGRESS", "BUILDX_NO_DEFAULT_LOAD",
    ];

    private static readonly string[] NamingEngine = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"];

    /// <summary>The remedy for an engine that does not answer.</summary>
    public static string Remedy => NamingEngine.Where(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 }).ToArray() is { Length: > 0 } set
        ? $"Start the engine that {string.Join(" and ", set)} {(set.Length > 1 ? "ask" : "asks")} for, or run: unset {string.Join(' ', set)}"
        : "Start Docker, or run: eng/setup.sh";

    /// <summary>Removes the first kind from this process. The client and the orchestrator inherit that. eng/setup.sh removes the same.</summary>
    public static void RemoveChanging() => Array.ForEach(Changing, name => Environment.SetEnvironmentVariable(name, null));
}
