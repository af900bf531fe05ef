using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>Finds out about images and about the processes of their containers, with nothing in them to help.</summary>
/// <param name="engine">The engine that has them.</param>
public sealed class ImageInspector(ContainerEngine engine) : IDisposable
{
    /// <summary>By ID, under which an image never changes; reading a large one takes seconds.</summary>
    private readonly ConcurrentDictionary<string, ImageFacts> _known = [];

    /// <summary>One image is read after the other: what else runs on the machine comes first.</summary>
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Finds out what an image is.</summary>
    /// <param name="image">The build.</param>
    /// <param name="reference">Name and tag of the image.</param>
    /// <param name="cancellationToken">Calls the reading off.</param>
    /// <returns>The facts.</returns>
    /// <exception cref="MeasurementException">They could not be found out.</exception>
    public async Task<ImageFacts> InspectImageAsync(HelloImage image, string reference, CancellationToken cancellationToken)
    {
        var id = (await engine.InspectAsync("image", reference, cancellationToken)).GetProperty("Id").GetString()!;
        await _reading.WaitAsync(cancellationToken);
        try
        {
            return _known.TryGetValue(id, out var known) ? known : _known[id] = await ReadAsync(image, reference, cancellationToken);
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>Finds out what the one process of a container is doing.</summary>
    /// <param name="container">Name or ID of the running container.</param>
    /// <param name="helpers">Images that may have a <c>cat</c>.</param>
    /// <param name="cancellationToken">Calls the reading off.</param>
    /// <returns>The facts.</returns>
    /// <exception cref="MeasurementException">They could not be found out.</exception>
    public async Task<ProcessFacts> InspectProcessAsync(string container, IEnumerable<string> helpers, CancellationToken cancellationToken)
    {
        var inspected = await engine.InspectAsync("container", container, cancellationToken);
        return ProcessFacts.Parse(
            await ReadOnThisMachineAsync(inspected, cancellationToken)
            ?? await ReadBesideAsync(container, helpers, cancellationToken)
            ?? throw new MeasurementException($"The process of {container} cannot be looked at: it is not on this machine, and no image with a 'cat' is there to look from beside it."));
    }

    /// <summary>When a container was started, by the engine's clock, and where its port is on this machine.</summary>
    /// <param name="container">Its name or ID.</param>
    /// <param name="cancellationToken">Ends the command.</param>
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

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    private async Task<ImageFacts> ReadAsync(HelloImage image, string reference, CancellationToken cancellationToken)
    {
        var dockerfile = Dockerfile.Parse(await File.ReadAllLinesAsync(image.Dockerfile, cancellationToken));
        List<string> standIns = [];
        foreach (var baseImage in dockerfile.BuildImages.Append(dockerfile.Base).Where(b => b != Dockerfile.Scratch))
        {
            if (await IsStandInAsync(baseImage, cancellationToken))
            {
                standIns.Add(baseImage);
            }
        }

        var archive = await engine.ReadAsync(["image", "save", reference], ImageArchive.ReadAsync, cancellationToken);
        return ImageFacts.Of(archive, dockerfile, standIns);
    }

    /// <summary>Whether an image is one that eng/setup.sh made for a machine that cannot reach the registry.</summary>
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
            // Builders keep base images to themselves; one that the engine doesn't list came from its registry.
            return false;
        }
    }

    /// <summary>The kernel's own file, where engine and container share the kernel with this process; null where they don't, as in Docker Desktop.</summary>
    private static async Task<string?> ReadOnThisMachineAsync(JsonElement container, CancellationToken cancellationToken)
    {
        var process = $"/proc/{container.GetProperty("State").GetProperty("Pid").GetInt32()}";
        try
        {
            // The number may be that of another process here; the control group names the container: cgroups(7).
            return (await File.ReadAllTextAsync($"{process}/cgroup", cancellationToken)).Contains(container.GetProperty("Id").GetString()!, StringComparison.Ordinal)
                ? await File.ReadAllTextAsync($"{process}/status", cancellationToken)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The same file, read by a container that shares the other's process IDs.</summary>
    public async Task<string?> ReadBesideAsync(string container, IEnumerable<string> helpers, CancellationToken cancellationToken)
    {
        foreach (var helper in helpers)
        {
            try
            {
                return await engine.RunAsync(
                    [
                        "run", "--rm", "--pull", "never", "--pid", $"container:{container}", "--network", "none", "--read-only", "--cap-drop", "ALL",
                        // Or SELinux keeps one container from reading of the other.
                        "--security-opt", "label=disable",
                        "--entrypoint", "cat", helper, "/proc/1/status",
                    ],
                    cancellationToken);
            }
            catch (MeasurementException)
            {
                // It is not there, or has no cat.
            }
        }

        return null;
    }
}
