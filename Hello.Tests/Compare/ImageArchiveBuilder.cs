using System.IO.Compression;
using ZstdSharp;

namespace Hello.Tests;

/// <summary>Makes small archives such as <c>docker image save</c> writes.</summary>
internal sealed class ImageArchiveBuilder
{
    /// <summary>By name, in the archive's order.</summary>
    public OrderedDictionary<string, byte[]> Files { get; } = [];

    /// <summary>Symbolic links, in front of the files.</summary>
    public Dictionary<string, string> Links { get; } = [];

    /// <summary>docker's older layout, whose layers lie in folders of their own and whose manifest comes last.</summary>
    public static ImageArchiveBuilder Docker(params byte[][] layers)
    {
        var archive = new ImageArchiveBuilder();
        foreach (var (i, layer) in layers.Index())
        {
            archive.Files[$"id{i + 1}/layer.tar"] = layer;
        }

        var names = archive.Files.Keys.ToArray();
        archive.Files["config.json"] = Configuration(layers);
        archive.Files["manifest.json"] = Manifest("config.json", names);
        return archive;
    }

    /// <summary>The OCI layout, whose layers are compressed.</summary>
    public static ImageArchiveBuilder Oci(params byte[][] layers) => Stored(layers, [.. layers.Select(Gzip)]);

    /// <summary>The OCI layout with the layers in any form.</summary>
    public static ImageArchiveBuilder Stored(byte[][] layers, byte[][] stored)
    {
        var archive = new ImageArchiveBuilder { Files = { ["oci-layout"] = Json(new { imageLayoutVersion = "1.0.0" }) } };
        archive.Files["index.json"] = Json(new { manifests = new[] { archive.AddImage(layers, stored) } });
        return archive;
    }

    /// <summary>The OCI layout with an index that names an index. ImageArchivePlatformTests has more forms.</summary>
    public static ImageArchiveBuilder NestedOci(params byte[][] layers)
    {
        var archive = Oci(layers);
        archive.Files["index.json"] = Json(new { manifests = new[] { archive.AddBlob(archive.Files["index.json"]) } });
        return archive;
    }

    /// <summary>Both layouts at once, with the layers as plain blobs.</summary>
    public static ImageArchiveBuilder Both(params byte[][] layers)
    {
        var archive = new ImageArchiveBuilder();
        archive.Files["index.json"] = Json(new { manifests = new[] { archive.AddImage(layers, layers) } });
        archive.Files["manifest.json"] = Manifest(BlobName(Configuration(layers)), [.. layers.Select(BlobName)]);
        return archive;
    }

    /// <summary>A layout, by the name of its method.</summary>
    public static ImageArchiveBuilder Of(string layout, params byte[][] layers) => layout switch
    {
        nameof(Docker) => Docker(layers),
        nameof(Oci) => Oci(layers),
        nameof(NestedOci) => NestedOci(layers),
        _ => Both(layers),
    };

    /// <summary>A tar of entries in a notation of its own: <c>file file=content folder/ link->target hardlink=>target</c>.</summary>
    public static byte[] Layer(string entries, TarEntryFormat format = TarEntryFormat.Pax) =>
        Tar(entries.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(["->", "=>", "="], 2, StringSplitOptions.None) switch
        {
            [var path, var target] when text.Contains("->", StringComparison.Ordinal) => Entry(format, TarEntryType.SymbolicLink, path, target),
            [var path, var target] when text.Contains("=>", StringComparison.Ordinal) => Entry(format, TarEntryType.HardLink, path, target),
            [var path, var content] => Entry(format, TarEntryType.RegularFile, path, content: Encoding.UTF8.GetBytes(content)),
            _ when text.EndsWith('/') => Entry(format, TarEntryType.Directory, text),
            _ => Entry(format, TarEntryType.RegularFile, text),
        }));

    public static byte[] Layer(string path, byte[] content) => Tar([Entry(TarEntryFormat.Pax, TarEntryType.RegularFile, path, content: content)]);

    public static byte[] Tar(IEnumerable<TarEntry> entries)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, leaveOpen: true))
        {
            foreach (var entry in entries)
            {
                writer.WriteEntry(entry);
            }
        }

        return stream.Length > 0 ? stream.ToArray() : new byte[1024]; // two empty blocks are the end, and all of an empty tar
    }

    public static byte[] Gzip(byte[] content)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Optimal))
        {
            gzip.Write(content);
        }

        return stream.ToArray();
    }

    public static byte[] Zstd(byte[] content)
    {
        using var zstd = new Compressor();
        return zstd.Wrap(content).ToArray();
    }

    public static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";

    public static string BlobName(byte[] content) => $"blobs/{Digest(content).Replace(':', '/')}";

    public static byte[] Json(object value) => JsonSerializer.SerializeToUtf8Bytes(value);

    public byte[] ToArray() => Tar(
    [
        .. Links.Select(l => Entry(TarEntryFormat.Pax, TarEntryType.SymbolicLink, l.Key, l.Value)),
        .. Files.Select(f => Entry(TarEntryFormat.Pax, TarEntryType.RegularFile, f.Key, content: f.Value)),
    ]);

    public Descriptor AddBlob(byte[] content)
    {
        Files[BlobName(content)] = content;
        return new(Digest(content));
    }

    private static byte[] Configuration(byte[][] layers) => Json(new { rootfs = new { type = "layers", diff_ids = layers.Select(Digest) } });

    private static byte[] Manifest(string config, string[] layers) => Json(new[] { new { Config = config, Layers = layers } });

    private static TarEntry Entry(TarEntryFormat format, TarEntryType type, string path, string? target = null, byte[]? content = null)
    {
        TarEntry entry = format switch
        {
            TarEntryFormat.V7 => new V7TarEntry(type is TarEntryType.RegularFile ? TarEntryType.V7RegularFile : type, path),
            TarEntryFormat.Ustar => new UstarTarEntry(type, path),
            TarEntryFormat.Gnu => new GnuTarEntry(type, path),
            _ => new PaxTarEntry(type, path),
        };
        entry.ModificationTime = DateTimeOffset.UnixEpoch; // the same layer is the same bytes
        if (target is not null)
        {
            entry.LinkName = target;
        }

        if (content is not null)
        {
            entry.DataStream = new MemoryStream(content);
        }

        return entry;
    }

    private Descriptor AddImage(byte[][] layers, byte[][] stored) =>
        AddBlob(Json(new { layers = stored.Select(AddBlob).ToArray(), config = AddBlob(Configuration(layers)) }));

    /// <summary>As JSON has it.</summary>
    internal sealed record Descriptor(string digest);
}

/// <summary>Images that are in no archive.</summary>
internal static class MadeUpImages
{
    /// <summary>
    /// An image such as <c>a=5 d/ b=>a c->d e! | .wh.a</c>: a file of 5 bytes, a directory, a hard and a symbolic link, an empty static
    /// program, and above them a whiteout.
    /// </summary>
    public static Compare.Images.ImageArchive Image(string layers, string config = "{}")
    {
        return new(
            JsonElement.Parse(config),
            [.. layers.Split('|').Select(layer => new ImageLayer("", 100, [.. layer.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(EntryOf)]))]);

        static LayerEntry EntryOf(string entry) => entry.Split(["=>", "->", "="], 2, StringSplitOptions.None) switch
        {
            [var link, var target] when entry.Contains("=>", StringComparison.Ordinal) => new(link, TarEntryType.HardLink, 0, target, null),
            [var link, var target] when entry.Contains("->", StringComparison.Ordinal) => new(link, TarEntryType.SymbolicLink, 0, target, null),
            [var path, var bytes] => new(path, TarEntryType.RegularFile, long.Parse(bytes, null), "", null),
            _ when entry.EndsWith('/') => new(entry.TrimEnd('/'), TarEntryType.Directory, 0, "", null),
            _ => new(entry.TrimEnd('!'), TarEntryType.RegularFile, 0, "", entry.EndsWith('!') ? true : null),
        };
    }

    /// <summary>The files and links that a container sees, by path.</summary>
    public static IReadOnlyDictionary<string, LayerEntry> MergeLayers(this Compare.Images.ImageArchive archive) => new MergedLayers(archive.Layers).Files;
}
