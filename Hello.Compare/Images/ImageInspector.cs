namespace Hello.Compare.Images;

/// <summary>Inspects images. They need no shell or tool for it.</summary>
/// <param name="exactUpTo">Bytes of an image. Of a larger one, only samples are compressed, because that takes ten times as long as reading.</param>
public sealed class ImageInspector(ContainerEngine engine, long exactUpTo = 256_000_000) : IDisposable
{
    /// <summary>Lets one image be read at a time, so that other programs on the machine are not slowed down more than needed.</summary>
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Inspects an image.</summary>
    /// <param name="dockerfile">The Dockerfile that it was built from; null if it is not known.</param>
    /// <exception cref="MeasurementException">There is no such image, or it cannot be read.</exception>
    public async Task<ImageFacts> InspectImageAsync(string reference, string? dockerfile, CancellationToken cancellationToken)
    {
        var answer = await engine.InspectAsync<ImageAnswer>("image", reference, cancellationToken);
        var source = dockerfile is null ? null : Dockerfile.Parse(await File.ReadAllLinesAsync(dockerfile, cancellationToken));
        await _reading.WaitAsync(cancellationToken);
        try
        {
            var archive = await ProgramRunner.ReadAsync(await engine.CommandAsync(["image", "save", reference], cancellationToken), ReadArchiveAsync, cancellationToken);
            return ImageFacts.Of(archive, source, source is null ? [] : await FindStandInsAsync(source, cancellationToken));
        }
        finally
        {
            _reading.Release();
        }

        async Task<ImageArchive> ReadArchiveAsync(Stream stream, CancellationToken token)
        {
            // The archive may have several platforms. This is the one that the engine runs.
            var platform = new ImagePlatform(answer.Os, answer.Architecture, answer.Variant);
            try
            {
                return await ImageArchive.ReadAsync(stream, platform, sample: answer.Size > exactUpTo, token);
            }
            catch (MeasurementException e)
            {
                var remedy = $"Remove the image with '{await engine.FindAsync(token)} image rm {reference}', and build or pull it again.";
                throw new MeasurementException($"{reference} cannot be inspected. {e.Message} {remedy}", e);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    /// <summary>The base images, also of build stages, that eng/setup.sh made for a machine that cannot reach the registry.</summary>
    /// <remarks>A builder may keep a base image in its own store, where the engine does not find it. Then it came from its registry.</remarks>
    private async Task<IReadOnlyList<string>> FindStandInsAsync(Dockerfile dockerfile, CancellationToken cancellationToken)
    {
        string[] list = ["image", "ls", "--filter", "label=io.hello.stand-in=true", "--format", "{{.Repository}}:{{.Tag}}"];
        return [.. (await engine.RunAsync(list, cancellationToken)).Split('\n').Intersect([.. dockerfile.BuildImages, dockerfile.Base])];
    }
}
