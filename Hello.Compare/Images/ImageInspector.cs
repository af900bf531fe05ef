using System.Globalization;
using System.Net;
using System.Text.Json;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>Inspects images and the processes of their containers. The images need no shell or tool for it.</summary>
/// <param name="known">Where it keeps the facts of images that it has read; null to read every image.</param>
public sealed class ImageInspector(ContainerEngine engine, ImageFactsFile? known = null) : IDisposable
{
    /// <summary>Lets one image be read at a time, so that other programs on the machine are not slowed down more than needed.</summary>
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Inspects an image.</summary>
    /// <param name="reference">The image's name and tag, which may differ from those of the build.</param>
    public async Task<ImageFacts> InspectImageAsync(HelloImage image, string reference, CancellationToken cancellationToken)
    {
        var inspected = await engine.InspectAsync("image", reference, cancellationToken);
        var id = inspected.GetProperty("Id").GetString()!;
        var dockerfile = Dockerfile.Parse(await File.ReadAllLinesAsync(image.Dockerfile, cancellationToken));
        await _reading.WaitAsync(cancellationToken);
        try
        {
            var standIns = await FindStandInsAsync(dockerfile, cancellationToken);
            if (known?.Find(id) is { } facts)
            {
                return facts with { Base = dockerfile.Base, StandIns = standIns }; // the image does not say what it was built from
            }

            facts = ImageFacts.Of(await engine.ReadAsync(["image", "save", reference], ReadArchiveAsync, cancellationToken), dockerfile, standIns);
            known?.Add(id, facts);
            return facts;
        }
        finally
        {
            _reading.Release();
        }

        async Task<ImageArchive> ReadArchiveAsync(Stream stream, CancellationToken token)
        {
            // The archive may have several platforms. This is the one that the engine runs.
            var platform = ImagePlatform.Of(inspected) is { Os: not (null or ""), Architecture: not (null or "") } named ? named : ImagePlatform.Host;
            try
            {
                return await ImageArchive.ReadAsync(stream, platform, token);
            }
            catch (MeasurementException e)
            {
                throw new MeasurementException($"{reference} cannot be inspected. {e.Message} Remove the image with '{await engine.FindAsync(token)} image rm {reference}', and build or pull it again.", e);
            }
        }
    }

    /// <summary>Inspects process 1 of a running container.</summary>
    /// <param name="helpers">Images to try if the process is not on this machine. One with a <c>cat</c> can read its status.</param>
    public async Task<ProcessFacts> InspectProcessAsync(string container, IEnumerable<string> helpers, CancellationToken cancellationToken)
    {
        var inspected = await engine.InspectAsync("container", container, cancellationToken);
        return await ReadOnThisMachineAsync(inspected, cancellationToken)
            ?? ProcessFacts.Parse(await ReadBesideAsync(container, helpers, cancellationToken) ?? throw new MeasurementException($"The process of {container} cannot be inspected: it is not on this machine, and no image with a 'cat' is there to read its status. Build the alpine image."));
    }

    /// <summary>The ID of a container, its start by the engine's clock, and the address of its port on this machine.</summary>
    /// <exception cref="MeasurementException">The container does not run.</exception>
    public async Task<(string Id, DateTimeOffset StartedAt, IPEndPoint Address)> FindStartedAsync(string container, CancellationToken cancellationToken)
    {
        // {"Id":"…","State":{"StartedAt":"2026-…Z"},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}]}}}
        var inspected = await engine.InspectAsync("container", container, cancellationToken);
        return inspected.GetProperty("NetworkSettings").GetProperty("Ports").TryGetProperty($"{HelloImage.Port}/tcp", out var bindings) && bindings.ValueKind == JsonValueKind.Array
            ? (
                inspected.GetProperty("Id").GetString()!,
                inspected.GetProperty("State").GetProperty("StartedAt").GetDateTimeOffset(),
                new(IPAddress.Loopback, int.Parse(bindings[0].GetProperty("HostPort").GetString()!, CultureInfo.InvariantCulture)))
            : throw new MeasurementException($"The container {container} does not run: it publishes no port.");
    }

    /// <summary>Reads <c>/proc/1/status</c> of a container in a second container, which shares the process IDs of the first. Null if no helper has a <c>cat</c>.</summary>
    public async Task<string?> ReadBesideAsync(string container, IEnumerable<string> helpers, CancellationToken cancellationToken)
    {
        foreach (var helper in helpers)
        {
            try
            {
                return await engine.RunAsync(
                    [
                        "run", "--rm", "--pull", "never", "--pid", $"container:{container}", "--network", "none", "--read-only", "--cap-drop", "ALL",
                        // Otherwise SELinux does not let one container read about the other.
                        "--security-opt", "label=disable",
                        "--entrypoint", "cat", helper, "/proc/1/status",
                    ],
                    cancellationToken);
            }
            catch (MeasurementException)
            {
                // The image is not there, or it has no cat.
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    private async Task<IReadOnlyList<string>> FindStandInsAsync(Dockerfile dockerfile, CancellationToken cancellationToken)
    {
        List<string> standIns = [];
        foreach (var baseImage in dockerfile.BuildImages.Append(dockerfile.Base).Where(b => b != Dockerfile.Scratch))
        {
            if (await IsStandInAsync(baseImage, cancellationToken))
            {
                standIns.Add(baseImage);
            }
        }

        return standIns;
    }

    /// <summary>Whether eng/setup.sh made the image for a machine that cannot reach the registry.</summary>
    private async Task<bool> IsStandInAsync(string reference, CancellationToken cancellationToken)
    {
        try
        {
            var image = await engine.InspectAsync("image", reference, cancellationToken);
            return image.GetProperty("Config").TryGetProperty("Labels", out var labels)
                && labels.ValueKind == JsonValueKind.Object
                && labels.TryGetProperty("io.hello.stand-in", out var label)
                && label.GetString() == "true";
        }
        catch (MeasurementException)
        {
            // The builder may keep the base image in its own store, where the engine does not find it. Then it came from its registry.
            return false;
        }
    }

    /// <summary>The process by the kernel's files. Null if the container runs on another kernel, as with Docker Desktop.</summary>
    private static async Task<ProcessFacts?> ReadOnThisMachineAsync(JsonElement container, CancellationToken cancellationToken)
    {
        var process = $"/proc/{container.GetProperty("State").GetProperty("Pid").GetInt32()}";
        try
        {
            // The ID may belong to another process of this machine. The control group has the container's ID in its name: cgroups(7).
            return (await File.ReadAllTextAsync($"{process}/cgroup", cancellationToken)).Contains(container.GetProperty("Id").GetString()!, StringComparison.Ordinal)
                ? ProcessFacts.Parse(
                    await File.ReadAllTextAsync($"{process}/status", cancellationToken),
                    // The engine may remap users: https://docs.docker.com/engine/security/userns-remap/.
                    await File.ReadAllTextAsync($"{process}/uid_map", cancellationToken),
                    await File.ReadAllTextAsync($"{process}/gid_map", cancellationToken))
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
