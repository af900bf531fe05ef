namespace Hello.Tests;

/// <summary>An entry of an image's layer.</summary>
internal sealed record ImageFile(string Path, byte[] Content, UnixFileMode Mode, TarEntryType Type, int Uid, int Gid);

/// <summary>Reads what <c>docker image save</c> writes: a tar of layers, which are tars, and a manifest.json that names them.</summary>
internal static class ImageArchive
{
    /// <summary>The regular files in all layers of a small image, in order of their paths.</summary>
    public static async Task<ImageFile[]> ReadFilesAsync(string reference) =>
        [.. (await ReadLayersAsync(reference)).SelectMany(l => l).Where(IsFile).OrderBy(f => f.Path, StringComparer.Ordinal)];

    /// <summary>All entries of all layers of a small image, even those that an upper layer hides.</summary>
    /// <returns>The entries of each layer, from the lowest to the uppermost.</returns>
    public static async Task<List<ImageFile>[]> ReadLayersAsync(string reference)
    {
        var path = Path.GetTempFileName();
        try
        {
            await CommandLine.DockerAsync("image", "save", "--output", path, reference);
            await using var archive = File.OpenRead(path);
            var entries = await ReadTarAsync(archive);

            // [{"Config":"…","RepoTags":["demo-app:0.1-scratch"],"Layers":["blobs/sha256/…"]}]
            using var manifest = JsonDocument.Parse(entries.Single(e => e.Path == "manifest.json").Content);
            List<List<ImageFile>> layers = [];
            foreach (var layer in manifest.RootElement[0].GetProperty("Layers").EnumerateArray())
            {
                using var content = new MemoryStream(entries.Single(e => e.Path == layer.GetString()).Content);
                layers.Add(await ReadTarAsync(content));
            }

            return [.. layers];
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static bool IsFile(ImageFile file) => file.Type is TarEntryType.RegularFile or TarEntryType.V7RegularFile;

    private static async Task<List<ImageFile>> ReadTarAsync(Stream stream)
    {
        List<ImageFile> files = [];
        await using var tar = new TarReader(stream);
        while (await tar.GetNextEntryAsync(copyData: true) is { } entry)
        {
            using var content = new MemoryStream();
            await (entry.DataStream?.CopyToAsync(content) ?? Task.CompletedTask);
            var file = new ImageFile(entry.Name, content.ToArray(), entry.Mode, entry.EntryType, entry.Uid, entry.Gid);
            Assert.True(IsFile(file) || file.Type is TarEntryType.Directory or TarEntryType.SymbolicLink, $"{file.Path} is a {file.Type}");
            files.Add(file);
        }

        return files;
    }
}

/// <summary>The parts of an ELF file that tell whether a binary is static and stripped: https://refspecs.linuxfoundation.org/elf/elf.pdf.</summary>
internal static class Elf
{
    /// <summary>PT_INTERP: the program header that names a dynamic loader.</summary>
    private const uint Interpreter = 3;

    /// <summary>SHT_SYMTAB: the section that strip removes.</summary>
    private const uint SymbolTable = 2;

    /// <summary>Whether a 64-bit little-endian ELF file asks for a dynamic loader.</summary>
    public static bool HasInterpreter(byte[] file) => TypesOf(file, tableAt: 0x20, sizeAt: 0x36, typeAt: 0).Contains(Interpreter);

    public static bool HasSymbolTable(byte[] file) => TypesOf(file, tableAt: 0x28, sizeAt: 0x3A, typeAt: 4).Contains(SymbolTable);

    private static IEnumerable<uint> TypesOf(byte[] file, int tableAt, int sizeAt, int typeAt)
    {
        Assert.Equal("\u007fELF", Encoding.Latin1.GetString(file, 0, 4));
        var table = checked((int)BitConverter.ToUInt64(file, tableAt));
        var (size, count) = (BitConverter.ToUInt16(file, sizeAt), BitConverter.ToUInt16(file, sizeAt + 2));
        return Enumerable.Range(0, count).Select(i => BitConverter.ToUInt32(file, table + (i * size) + typeAt));
    }
}
