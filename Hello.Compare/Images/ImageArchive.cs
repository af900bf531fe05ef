using System.Formats.Tar;
using System.IO.Pipelines;
using System.Text.Json;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>An image as <c>docker image save</c> writes it: a tar that holds the layers, and JSON files that name them.</summary>
/// <remarks>
/// Two layouts are in use, and newer engines write both into one archive. The older layout has a <c>manifest.json</c>:
/// <c>[{"Config":"….json","RepoTags":["demo-app:0.1-scratch"],"Layers":["…/layer.tar"]}]</c>.
/// The OCI layout has an <c>index.json</c>, <c>{"manifests":[{"mediaType":"…","digest":"sha256:…"}]}</c>, which names further blobs by
/// their digests: https://github.com/opencontainers/image-spec/blob/main/image-layout.md.
/// </remarks>
/// <param name="Config">The image's configuration: https://github.com/opencontainers/image-spec/blob/main/config.md.</param>
/// <param name="Layers">From the base upwards.</param>
public sealed record ImageArchive(JsonElement Config, IReadOnlyList<ImageLayer> Layers)
{
    /// <summary>The highest length of a JSON file. No manifest and no configuration is that long.</summary>
    private const int JsonLimit = 4 * 1024 * 1024;

    private const int TarBlock = 512;

    /// <summary>Reads an archive in one pass. The stream need not be seekable, and no layer is kept in memory.</summary>
    /// <exception cref="MeasurementException">The archive is damaged, cut short or in a form that is not supported.</exception>
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
                    // The archive has one layer under two names.
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

    /// <summary>The files and links that a container sees, by path. An upper layer replaces and deletes files of the lower ones.</summary>
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
                    merged.Remove(entry.Path); // a directory may replace a file
                }
                else
                {
                    RemoveBelow(entry.Path); // and a file may replace a directory
                    // A hard link keeps its content, even if an upper layer changes or deletes its target.
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

    /// <summary>Reads a file of the archive as a <see cref="JsonElement"/>, an <see cref="ImageLayer"/> or, if it is neither, an <see cref="Unreadable"/>.</summary>
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
                return new Unreadable("it is compressed with zstd, which is not supported");
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
            // Only the files that a manifest names must be readable. The archive may hold others.
            // If the archive itself is cut short, the reader of the archive fails next.
            return new Unreadable(e.Message);
        }

        static bool IsTar(byte[] first) =>
            first.Length == TarBlock && (first.AsSpan(257).StartsWith("ustar"u8) || first.All(b => b == 0) || first is not [(byte)'{' or (byte)'[', ..]);
    }

    /// <summary>Whether the reader of a tar, gzip or JSON file threw the exception because the file is damaged.</summary>
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

            // The digests of the unpacked layers: {"rootfs":{"type":"layers","diff_ids":["sha256:…"]}}. A layer that was cut short or changed has another one.
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
            // Bounded, because links can form a circle.
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
            _ => throw new MeasurementException($"The image's archive is not laid out as an image: {name} is of another kind than its name says."),
        };

        (string Config, string[] Layers) FromIndex(JsonElement index)
        {
            // An index may name another index. Beside the image it may name attestations, whose platform is "unknown".
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
        ImageLayer.Normalize(new Uri(new Uri($"file:///{from}"), target).AbsolutePath); // resolves ".."

    private static string DirectoryOf(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string Join(string directory, string name) => directory.Length == 0 ? name : $"{directory}/{name}";

    private sealed record Link(string Target);

    private sealed record Unreadable(string Reason);
}
