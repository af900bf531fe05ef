using System.Formats.Tar;
using System.IO.Pipelines;
using System.Text.Json;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>An image as <c>docker image save</c> writes it: a tar of layers and of the JSON that names them.</summary>
/// <remarks>
/// Two layouts are in use. The older one has a <c>manifest.json</c>, <c>[{"Config":"….json","RepoTags":["demo-app:0.1-scratch"],"Layers":["…/layer.tar"]}]</c>;
/// the OCI one an <c>index.json</c>, <c>{"manifests":[{"mediaType":"…","digest":"sha256:…"}]}</c>, which leads from blob to blob:
/// https://github.com/opencontainers/image-spec/blob/main/image-layout.md. Newer engines write both into one archive.
/// </remarks>
/// <param name="Config">The image's configuration: https://github.com/opencontainers/image-spec/blob/main/config.md.</param>
/// <param name="Layers">From the base upwards.</param>
public sealed record ImageArchive(JsonElement Config, IReadOnlyList<ImageLayer> Layers)
{
    /// <summary>More than any manifest or configuration has; a larger file is none of them.</summary>
    private const int JsonLimit = 4 * 1024 * 1024;

    private const int TarBlock = 512;

    /// <summary>Reads an archive from first to last byte; it need not be seekable, and no layer is held in memory.</summary>
    /// <param name="stream">The archive of one image.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The image.</returns>
    /// <exception cref="MeasurementException">It is damaged or cut short, or in a form that this does not read.</exception>
    public static async Task<ImageArchive> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        Dictionary<string, object> files = [];
        try
        {
            await using var tar = new TarReader(stream, leaveOpen: true);
            while (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
            {
                var name = ImageLayer.Normalize(entry.Name);
                if (entry.EntryType is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                {
                    // One layer under two names.
                    files[name] = new Link(entry.EntryType is TarEntryType.HardLink ? ImageLayer.Normalize(entry.LinkName) : Relative(name, entry.LinkName));
                }
                else if (entry.DataStream is { } data)
                {
                    files[name] = await ReadFileAsync(data, entry.Length, cancellationToken);
                }
            }
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw new MeasurementException($"The image's archive is damaged or cut short: {e.Message}", e);
        }

        return Assemble(files);
    }

    /// <summary>The files that a container sees, by path: the layers one above the other, less what they delete.</summary>
    /// <returns>All but directories.</returns>
    public IReadOnlyDictionary<string, LayerEntry> MergeLayers()
    {
        SortedDictionary<string, LayerEntry> merged = new(StringComparer.Ordinal);
        foreach (var layer in Layers)
        {
            // https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
            foreach (var (whiteout, directory) in layer.Entries.Select(e => (Name: NameOf(e.Path), Directory: DirectoryOf(e.Path))).Where(e => IsWhiteout(e.Name)))
            {
                RemoveBelow(whiteout == ".wh..wh..opq" ? directory : Join(directory, whiteout[".wh.".Length..]));
                merged.Remove(Join(directory, whiteout[".wh.".Length..]));
            }

            foreach (var entry in layer.Entries.Where(e => !IsWhiteout(NameOf(e.Path))))
            {
                if (entry.Type == TarEntryType.Directory)
                {
                    merged.Remove(entry.Path); // a directory takes the place of a file
                }
                else
                {
                    RemoveBelow(entry.Path); // or a file that of a directory
                    // A hard link is what it links to, whatever becomes of that in the layers above.
                    merged[entry.Path] = entry.Type is TarEntryType.HardLink && merged.TryGetValue(ImageLayer.Normalize(entry.Target), out var target)
                        ? target with { Path = entry.Path, Length = 0 }
                        : entry;
                }
            }
        }

        return merged;

        void RemoveBelow(string directory)
        {
            foreach (var path in merged.Keys.Where(p => directory.Length == 0 || p.StartsWith($"{directory}/", StringComparison.Ordinal)).ToArray())
            {
                merged.Remove(path);
            }
        }

        static bool IsWhiteout(string name) => name.StartsWith(".wh.", StringComparison.Ordinal);
    }

    /// <summary>A JSON file, a layer, or null for neither.</summary>
    private static async Task<object> ReadFileAsync(Stream data, long length, CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(data, new(bufferSize: 64 * 1024, leaveOpen: true));
        var start = (await pipe.ReadAtLeastAsync((int)Math.Min(TarBlock, length), cancellationToken)).Buffer;
        var first = new byte[Math.Min(TarBlock, start.Length)];
        System.Buffers.BuffersExtensions.CopyTo(start.Slice(0, first.Length), first);
        pipe.AdvanceTo(start.Start);
        await using var content = pipe.AsStream();
        try
        {
            if (first is [0x28, 0xB5, 0x2F, 0xFD, ..])
            {
                return new Unreadable("it is compressed with zstd, which this does not read");
            }

            var gzipped = first is [0x1F, 0x8B, ..];
            if (gzipped || IsTar(first))
            {
                return await ImageLayer.ReadAsync(content, length, gzipped, cancellationToken);
            }

            if (first is [(byte)'{' or (byte)'[', ..] && length <= JsonLimit)
            {
                using var json = await JsonDocument.ParseAsync(content, cancellationToken: cancellationToken);
                return json.RootElement.Clone();
            }

            return new Unreadable("it is neither JSON nor a tar");
        }
        catch (Exception e) when (IsDamage(e))
        {
            // An archive may hold what no manifest names; only that which is named has to be readable.
            // Where the archive itself is cut short, its own reader says so next.
            return new Unreadable(e.Message);
        }

        static bool IsTar(byte[] first) =>
            first.Length == TarBlock && (first.AsSpan(257).StartsWith("ustar"u8) || first.All(b => b == 0) || first is not [(byte)'{' or (byte)'[', ..]);
    }

    /// <summary>What the readers of tar, gzip and JSON throw at bytes that are none.</summary>
    private static bool IsDamage(Exception e) =>
        e is EndOfStreamException or InvalidDataException or FormatException or OverflowException or ArgumentException or JsonException;

    private static ImageArchive Assemble(Dictionary<string, object> files)
    {
        try
        {
            var (configName, layerNames) = files.ContainsKey("manifest.json")
                ? FromManifestJson(Require<JsonElement>("manifest.json"))
                : FromIndex(Require<JsonElement>("index.json"));
            var config = Require<JsonElement>(configName);

            // Digests of the unpacked layers, {"rootfs":{"type":"layers","diff_ids":["sha256:…"]}}: what was cut short or changed does not match.
            var digests = config.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(d => d.GetString()).ToArray();
            var layers = layerNames.Select(Require<ImageLayer>).ToArray();
            for (var i = 0; i < Math.Max(layers.Length, digests.Length); i++)
            {
                var (found, expected) = (layers.ElementAtOrDefault(i)?.Digest, digests.ElementAtOrDefault(i));
                if (found != expected)
                {
                    throw new MeasurementException($"The image's archive is damaged or cut short: layer {i + 1} has the digest {found ?? "(no layer)"}, not {expected ?? "(none)"}.");
                }
            }

            return new(config, layers);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new MeasurementException($"The image's archive is not laid out as an image: {e.Message}", e);
        }

        object? Get(string name)
        {
            var file = files.GetValueOrDefault(name);
            // Bounded, since links can go round in circles.
            for (var hops = 0; file is Link link && hops < 8; hops++)
            {
                file = files.GetValueOrDefault(link.Target);
            }

            return file;
        }

        T Require<T>(string name) => Get(name) switch
        {
            T file => file,
            null or Link => throw new MeasurementException($"The image's archive is damaged or cut short: it has no {name}."),
            Unreadable { Reason: var reason } => throw new MeasurementException($"The image's archive cannot be read: {name}: {reason}."),
            _ => throw new MeasurementException($"The image's archive is not laid out as an image: {name} is not what it is named as."),
        };

        (string Config, string[] Layers) FromIndex(JsonElement index)
        {
            // An index may name an index, and beside the image its attestations, whose platform is "unknown".
            for (var depth = 0; index.TryGetProperty("manifests", out var manifests); depth++)
            {
                if (depth == 8)
                {
                    throw new MeasurementException("The image's archive is not laid out as an image: index.json leads from index to index without end.");
                }

                var image = manifests.EnumerateArray().First(m =>
                    !m.TryGetProperty("platform", out var platform) || platform.GetProperty("os").GetString() != "unknown");
                index = Require<JsonElement>(BlobOf(image));
            }

            return (BlobOf(index.GetProperty("config")), [.. index.GetProperty("layers").EnumerateArray().Select(BlobOf)]);
        }

        static (string Config, string[] Layers) FromManifestJson(JsonElement manifests) =>
            (TextOf(manifests[0].GetProperty(nameof(Config))), [.. manifests[0].GetProperty(nameof(Layers)).EnumerateArray().Select(TextOf)]);

        static string BlobOf(JsonElement descriptor) => $"blobs/{TextOf(descriptor.GetProperty("digest")).Replace(':', '/')}";

        static string TextOf(JsonElement text) => text.GetString() ?? throw new InvalidOperationException("a name is null.");
    }

    private static string Relative(string from, string target) =>
        ImageLayer.Normalize(new Uri(new Uri($"file:///{from}"), target).AbsolutePath); // which knows ".."

    private static string DirectoryOf(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string Join(string directory, string name) => directory.Length == 0 ? name : $"{directory}/{name}";

    private sealed record Link(string Target);

    private sealed record Unreadable(string Reason);
}
