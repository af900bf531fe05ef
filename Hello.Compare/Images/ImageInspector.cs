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

    /// <summary>The bytes of an image above which samples tell how well it compresses.</summary>
    private const long LargeImage = 256 * 1024 * 1024;

    /// <summary>Inspects an image of a build.</summary>
    /// <param name="reference">The image's name and tag, which may differ from those of the build.</param>
    public Task<ImageFacts> InspectImageAsync(HelloImage image, string reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        return InspectImageAsync(reference, image.Dockerfile, cancellationToken);
    }

    /// <summary>Inspects an image.</summary>
    /// <param name="dockerfile">The Dockerfile that it was built from; null if it is not known.</param>
    public async Task<ImageFacts> InspectImageAsync(string reference, string? dockerfile, CancellationToken cancellationToken)
    {
        var inspected = await engine.InspectAsync("image", reference, cancellationToken);
        var id = inspected.GetProperty("Id").GetString()!;
        var source = dockerfile is null ? null : Dockerfile.Parse(await File.ReadAllLinesAsync(dockerfile, cancellationToken));
        await _reading.WaitAsync(cancellationToken);
        try
        {
            var standIns = source is null ? [] : await FindStandInsAsync(source, cancellationToken);
            if (known?.Find(id) is { } facts)
            {
                return source is null ? facts : facts with { Base = source.Base, StandIns = standIns }; // the image does not say what it was built from
            }

            facts = ImageFacts.Of(await engine.ReadAsync(["image", "save", reference], ReadArchiveAsync, cancellationToken), source, standIns);
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
            var sample = inspected.TryGetProperty("Size", out var size) && size.TryGetInt64(out var bytes) && bytes > LargeImage;
            try
            {
                return await ImageArchive.ReadAsync(stream, platform, sample, token);
            }
            catch (MeasurementException e)
            {
                throw new MeasurementException($"{reference} cannot be inspected. {e.Message} Remove the image with '{await engine.FindAsync(token)} image rm {reference}', and build or pull it again.", e);
            }
        }
    }

    /// <summary>Inspects process 1 of a running container, and adds up the memory of all that it has started if they are on this machine.</summary>
    /// <param name="helpers">Images to try if the process is not on this machine. One with a <c>cat</c> can read its status.</param>
    public async Task<ProcessFacts> InspectProcessAsync(string container, IEnumerable<string> helpers, CancellationToken cancellationToken)
    {
        var inspected = await engine.InspectAsync("container", container, cancellationToken);
        return await ReadOnThisMachineAsync(inspected, cancellationToken)
            ?? ProcessFacts.Parse(await ReadBesideAsync(container, helpers, cancellationToken) ?? throw new MeasurementException($"The process of {container} cannot be inspected: it is not on this machine, and no image with a 'cat' is there to read its status. Build the alpine image."));
    }

    /// <summary>The ID of a container, its start by the engine's clock, and the address of its port on this machine.</summary>
    /// <param name="port">The port in the container.</param>
    /// <exception cref="MeasurementException">The container does not run.</exception>
    public async Task<(string Id, DateTimeOffset StartedAt, IPEndPoint Address)> FindStartedAsync(string container, CancellationToken cancellationToken, int port = HelloImage.Port)
    {
        // {"Id":"…","State":{"StartedAt":"2026-…Z"},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}]}}}
        var inspected = await engine.InspectAsync("container", container, cancellationToken);
        return inspected.GetProperty("NetworkSettings").GetProperty("Ports").TryGetProperty(string.Create(CultureInfo.InvariantCulture, $"{port}/tcp"), out var bindings) && bindings.ValueKind == JsonValueKind.Array
            ? (
                inspected.GetProperty("Id").GetString()!,
                inspected.GetProperty("State").GetProperty("StartedAt").GetDateTimeOffset(),
                new(IPAddress.Loopback, int.Parse(bindings[0].GetProperty("HostPort").GetString()!, CultureInfo.InvariantCulture)))
            : throw new MeasurementException($"The container {container} does not run: it publishes no port.");
    }

    /// <summary>Why a container does not run any more, in one line; null if it runs.</summary>
    public async Task<string?> FindEndAsync(string container, CancellationToken cancellationToken)
    {
        // {"State":{"Status":"exited","Running":false,"OOMKilled":false,"ExitCode":1}}
        var state = (await engine.InspectAsync("container", container, cancellationToken)).GetProperty("State");
        if (!state.TryGetProperty("Running", out var running) || running.GetBoolean())
        {
            return null;
        }

        var log = await engine.RunWithErrorAsync(["container", "logs", "--tail", "20", container], cancellationToken);
        var last = log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
        var end = state.TryGetProperty("OOMKilled", out var killed) && killed.GetBoolean()
            ? "it needed more memory than its limit, and was killed"
            : string.Create(CultureInfo.InvariantCulture, $"it ended with exit code {state.GetProperty("ExitCode").GetInt32()}");
        return last is null ? $"{end}, and wrote nothing" : $"{end}. Its last line is: {Shorten(last)}";
    }

    /// <summary>The TCP ports that the processes of a container listen on. Empty if the container is not on this machine.</summary>
    public async Task<IReadOnlyList<IPEndPoint>> FindListeningAsync(string container, CancellationToken cancellationToken)
    {
        var process = (await engine.InspectAsync("container", container, cancellationToken)).GetProperty("State").TryGetProperty("Pid", out var pid) ? pid.GetInt32() : 0;
        List<IPEndPoint> listening = [];
        foreach (var table in (string[])["tcp", "tcp6"])
        {
            try
            {
                listening.AddRange((await File.ReadAllLinesAsync(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/net/{table}"), cancellationToken)).Select(ParseListening).OfType<IPEndPoint>());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The container has ended, runs on another machine, or has no IPv6.
            }
        }

        return listening;
    }

    /// <summary>Reads a line of proc_net(5): <c>   0: 0100007F:1F90 00000000:0000 0A …</c> is 127.0.0.1:8080 in the state "listening".</summary>
    private static IPEndPoint? ParseListening(string line)
    {
        if (line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not [_, var local, _, "0A", ..] || local.Split(':') is not [var address, var port])
        {
            return null;
        }

        // Each group of four bytes is a number in the order of this machine.
        var bytes = Convert.FromHexString(address).Chunk(4).SelectMany(group => BitConverter.IsLittleEndian ? group.Reverse() : group).ToArray();
        return new(new IPAddress(bytes), int.Parse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }

    /// <summary>A line that another program wrote, without control characters and not longer than a line.</summary>
    private static string Shorten(string line)
    {
        const int limit = 200;
        var text = string.Concat(line.Where(c => !char.IsControl(c)));
        return text.Length <= limit ? text : $"{text[..limit]} …";
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
        var first = string.Create(CultureInfo.InvariantCulture, $"{container.GetProperty("State").GetProperty("Pid").GetInt32()}");
        // The ID may belong to another process of this machine. The control group has the container's ID in its name: cgroups(7).
        if (await ReadOfProcessAsync(first, "cgroup") is not { } cgroup || !cgroup.Contains(container.GetProperty("Id").GetString()!, StringComparison.Ordinal)
            || await ReadOfProcessAsync(first, "status") is not { } status)
        {
            return null;
        }

        // The engine may remap users: https://docs.docker.com/engine/security/userns-remap/.
        var facts = ProcessFacts.Parse(status, await ReadOfProcessAsync(first, "uid_map"), await ReadOfProcessAsync(first, "gid_map"));
        var rest = new Stack<string>(ChildrenOf(first));
        while (rest.TryPop(out var child))
        {
            // A process that has ended and waits for its parent has no memory.
            if (await ReadOfProcessAsync(child, "status") is { } childStatus && childStatus.Contains("\nVmRSS:", StringComparison.Ordinal))
            {
                facts = facts.With(ProcessFacts.Parse(childStatus));
            }

            foreach (var grandchild in ChildrenOf(child))
            {
                rest.Push(grandchild);
            }
        }

        return facts;

        async Task<string?> ReadOfProcessAsync(string process, string file)
        {
            try
            {
                return await File.ReadAllTextAsync($"/proc/{process}/{file}", cancellationToken);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        // Each thread has a list of the processes that it has started: proc_tid_children(5).
        static string[] ChildrenOf(string process)
        {
            try
            {
                return [.. Directory.EnumerateDirectories($"/proc/{process}/task").SelectMany(thread => File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return [];
            }
        }
    }
}
