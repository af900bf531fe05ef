namespace Hello.Compare.Engine;

/// <summary>The part that is read of <c>docker image inspect</c>: <c>{"Id":"sha256:…","Os":"linux","Architecture":"arm64","Size":10426296}</c>.</summary>
internal sealed record ImageAnswer(
    string Id, string? Os = null, string? Architecture = null, string? Variant = null, long Size = 0, ImageConfigAnswer? Config = null);

internal sealed record ImageConfigAnswer(string[]? Entrypoint = null);

/// <summary>The part that is read of <c>docker container inspect</c>: <c>{"State":{"Status":"exited","Running":false,…},"HostConfig":{"PidMode":""}}</c>.</summary>
internal sealed record ContainerAnswer(ContainerState State, HostConfigAnswer HostConfig);

/// <param name="OOMKilled">Whether the kernel has killed a process of the container because of its limit of memory.</param>
internal sealed record ContainerState(string Status, bool Running, int ExitCode, DateTimeOffset StartedAt, bool OOMKilled = false);

internal sealed record HostConfigAnswer(string PidMode);

/// <summary>The part that is read of <c>docker version</c>: <c>{"Client":{…},"Server":{"Version":"28.2.2","Arch":"amd64"}}</c>.</summary>
/// <remarks>podman has <c>{"Client":{"Version":"5.4.0","OsArch":"linux/amd64"}}</c>.</remarks>
internal sealed record VersionAnswer(VersionAnswer.Part? Client = null, VersionAnswer.Part? Server = null)
{
    internal sealed record Part(string Version, string? Arch = null, string? OsArch = null);
}
