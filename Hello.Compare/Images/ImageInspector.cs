using System.Text.Json;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>Inspects images. They need no shell or tool for it.</summary>
/// <param name="known">Where it keeps the facts of images that it has read; null to read every image.</param>
public sealed class ImageInspector(ContainerEngine engine, ImageFactsFile? known = null) : IDisposable
{
    /// <summary>Lets one image be read at a time, so that other programs on the machine are not slowed down more than needed.</summary>
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>The bytes of an image above which samples tell how well it compresses.</summary>
    private const long LargeImage = 256 * 1024 * 1024;

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
}
