using System.IO.Pipelines;
using ZstdSharp;

namespace Hello.Compare.Images;

/// <summary>An image as <c>docker image save</c> writes it: a tar that holds the layers, and JSON files that name them.</summary>
/// <remarks>
/// Two layouts are in use, and newer engines write both into one archive. The older layout has a <c>manifest.json</c>:
/// <c>[{"Config":"….json","RepoTags":["demo-app:0.1-scratch"],"Layers":["…/layer.tar"]}]</c>.
/// The OCI layout has an <c>index.json</c>, <c>{"manifests":[{"mediaType":"…","digest":"sha256:…"}]}</c>, which names further blobs by
/// their digests: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. containerd's image store writes all platforms
/// of an image that it has. The index also names those that it does not have.
/// </remarks>
internal sealed record ImageArchive(JsonElement Config, IReadOnlyList<ImageLayer> Layers)
{
    private const int JsonLimit = 4 * 1024 * 1024;

    /// <summary>Reads an archive in one pass. The stream need not be seekable, and no layer is kept in memory.</summary>
    /// <param name="platform">The platform to choose if the archive has several. If it is not there, the first one that is there is read.</param>
    /// <param name="sample">Whether to estimate the compressed size of layers that are not compressed in the archive.</param>
    public static async Task<ImageArchive> ReadAsync(Stream stream, ImagePlatform platform, bool sample, CancellationToken cancellationToken)
    {
        Dictionary<string, object> files = [];
        var at = "at its start";
        try
        {
            await foreach (var file in TarFile.ReadAllAsync(stream, hasEnd: true, cancellationToken))
            {
                var name = ImageLayer.Normalize(file.Name);
                at = $"in or after {name}";
                if (file.Type is TarEntryType.HardLink or TarEntryType.SymbolicLink)
                {
                    // The archive has one layer under two names.
                    files[name] = new Link(file.Type == TarEntryType.HardLink ? ImageLayer.Normalize(file.Target) : Relative(name, file.Target));
                }
                else if (file.Type is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
                {
                    files[name] = await ReadFileAsync(file, sample, cancellationToken);
                }
            }
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Error($"is damaged or cut short {at}: {Reason(e)}.", e);
        }

        return Assemble(files, platform);
    }

    /// <summary>Reads a file of the archive as a <see cref="JsonElement"/>, an <see cref="ImageLayer"/> or, if it is neither, an <see cref="Unreadable"/>.</summary>
    private static async Task<object> ReadFileAsync(TarFile file, bool sample, CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(file.Content, new(bufferSize: 64 * 1024, leaveOpen: true));
        var start = (await pipe.ReadAtLeastAsync((int)Math.Min(TarFile.Block, file.Length), cancellationToken)).Buffer;
        var first = new byte[Math.Min(TarFile.Block, start.Length)];
        System.Buffers.BuffersExtensions.CopyTo(start.Slice(0, first.Length), first);
        pipe.AdvanceTo(start.Start);
        await using var content = pipe.AsStream();
        try
        {
            var isTar = TarFile.IsStart(first);
            var decompress = isTar ? null : ImageLayer.FindDecompressor(first);
            if (isTar || decompress is not null)
            {
                return await ImageLayer.ReadAsync(content, file.Length, decompress, sample, cancellationToken);
            }

            if (first.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[', ..] && file.Length <= JsonLimit)
            {
                using var json = await JsonDocument.ParseAsync(content, cancellationToken: cancellationToken);
                return json.RootElement.Clone();
            }

            return new Unreadable("it is neither JSON nor a tar");
        }
        catch (Exception e) when (IsDamage(e))
        {
            // Only the files that a manifest names must be readable. The archive may hold others.
            // If the archive itself is cut short, the reader of the archive fails next.
            return new Unreadable(Reason(e));
        }
    }

    /// <summary>Whether the reader of a tar, gzip, zstd or JSON file threw the exception because the file is damaged.</summary>
    private static bool IsDamage(Exception e) => e is EndOfStreamException or InvalidDataException or ZstdException or JsonException or FormatException;

    private static ImageArchive Assemble(Dictionary<string, object> files, ImagePlatform platform)
    {
        string? missing = null;
        try
        {
            var named = (files.ContainsKey("manifest.json") ? FromManifestJson() : []).Concat(FromIndex())
                .Where(i => IsThere(i.Config))
                .Select(i => (Image: i, Distance: DistanceOf(i)))
                .Where(i => i.Distance is not null);
            var image = named.FirstOrDefault(i => i.Distance == 0).Image
                ?? named.OrderBy(i => i.Distance).FirstOrDefault().Image
                ?? throw Error(missing is null
                    ? "is not laid out as an image: neither manifest.json nor index.json names an image."
                    : $"is damaged or cut short: it has no {missing}.");
            var config = Require<JsonElement>(image.Config);

            // The digests of the unpacked layers: {"rootfs":{"type":"layers","diff_ids":["sha256:…"]}}. A layer that was cut short or changed has another one.
            string?[] digests = [.. config.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(d => d.GetString())];
            ImageLayer[] layers = [.. image.Layers.Select((name, i) => Require<ImageLayer>(name, $" (layer {i + 1})"))];
            for (var i = 0; i < Math.Max(layers.Length, digests.Length); i++)
            {
                var (found, expected) = (layers.ElementAtOrDefault(i)?.Digest, digests.ElementAtOrDefault(i));
                if (found != expected)
                {
                    throw Error($"is damaged or cut short: layer {i + 1} has the digest {found ?? "(no layer)"}, not {expected ?? "(none)"}.");
                }
            }

            return new(config, layers);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or JsonException)
        {
            throw Error($"is not laid out as an image: {Reason(e)}.", e);
        }

        // Bounded, because links can form a circle.
        object? Get(string name, int hops = 8) =>
            files.GetValueOrDefault(name) is Link link && hops > 0 ? Get(link.Target, hops - 1) : files.GetValueOrDefault(name);

        T Require<T>(string name, string part = "") => Get(name) switch
        {
            T file => file,
            null or Link => throw Error($"is damaged or cut short: it has no {name}{part}."),
            Unreadable { Reason: var reason } => throw Error($"cannot be read: {name}{part}: {reason}."),
            _ => throw Error($"is not laid out as an image: {name}{part} is of another kind than its name says."),
        };

        // The first one that is missing is reported if no image is there.
        bool IsThere(string name)
        {
            var isThere = Get(name) is not (null or Link);
            missing ??= isThere ? null : name;
            return isThere;
        }

        // Null if it is an attestation, whose platform is "unknown".
        int? DistanceOf(NamedImage image) =>
            (image.Platform ?? ImagePlatform.Of(Require<JsonElement>(image.Config))) is { Os: not "unknown" } other ? platform.DistanceTo(other) : null;

        IEnumerable<NamedImage> FromManifestJson() => Require<JsonElement>("manifest.json").EnumerateArray()
            .Select(m => new NamedImage(TextOf(m.GetProperty(nameof(Config))), [.. m.GetProperty(nameof(Layers)).EnumerateArray().Select(TextOf)], Platform: null));

        // An index may name other indexes. Beside images it may name attestations, signatures and platforms that the archive does not have.
        IEnumerable<NamedImage> FromIndex()
        {
            var rest = new Stack<(string Name, ImagePlatform? Platform)>([("index.json", null)]);
            HashSet<string> seen = []; // an index may name itself
            while (rest.TryPop(out var next))
            {
                if (!seen.Add(next.Name) || !IsThere(next.Name))
                {
                    continue;
                }

                var json = Require<JsonElement>(next.Name);
                if (json.TryGetProperty("manifests", out var manifests))
                {
                    foreach (var manifest in manifests.EnumerateArray().Reverse().Where(m => !IsArtifact(m)))
                    {
                        var platform = manifest.TryGetProperty("platform", out var found) ? ImagePlatform.Of(found) : null;
                        if (platform?.Os != "unknown")
                        {
                            rest.Push((BlobOf(manifest), platform));
                        }
                    }
                }
                else if (!IsArtifact(json))
                {
                    yield return new(BlobOf(json.GetProperty("config")), [.. json.GetProperty("layers").EnumerateArray().Select(BlobOf)], next.Platform);
                }
            }
        }

        // https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
        static bool IsArtifact(JsonElement manifest) =>
            manifest.TryGetProperty("artifactType", out _)
            || (manifest.TryGetProperty("config", out var config) && config.TryGetProperty("mediaType", out var type)
                && !TextOf(type).Contains("image", StringComparison.Ordinal));

        static string BlobOf(JsonElement descriptor) => $"blobs/{TextOf(descriptor.GetProperty("digest")).Replace(':', '/')}";

        static string TextOf(JsonElement text) => text.GetString() ?? throw new InvalidOperationException("a name is null");
    }

    private static MeasurementException Error(string message, Exception? inner = null) =>
        new($"The image's archive {PlainText.Clean(message)}", inner);

    private static string Reason(Exception e) => e.Message.TrimEnd('.');

    private static string Relative(string from, string target) =>
        ImageLayer.Normalize(new Uri(new Uri($"file:///{from}"), target).AbsolutePath); // resolves ".."

    private sealed record Link(string Target);

    private sealed record Unreadable(string Reason);

    private sealed record NamedImage(string Config, string[] Layers, ImagePlatform? Platform);
}
