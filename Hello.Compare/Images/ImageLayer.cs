using System.Buffers;
using System.Formats.Tar;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace Hello.Compare.Images;

/// <summary>An entry of a layer.</summary>
/// <param name="Path">The path without a slash in front or at the end.</param>
/// <param name="Length">Bytes of its content; 0 if it is not a regular file.</param>
/// <param name="Target">The target of a link; empty if it is not a link.</param>
/// <param name="IsStatic">Whether a program is static; null if it is not an executable ELF file.</param>
/// <param name="Users">The names of the users by UID if it is <see cref="UsersPath"/>, else null.</param>
public sealed record LayerEntry(string Path, TarEntryType Type, long Length, string Target, bool? IsStatic, IReadOnlyDictionary<string, string>? Users = null)
{
    /// <summary>The file with the names of the users: passwd(5).</summary>
    public const string UsersPath = "etc/passwd";

    /// <summary>Whether it is a file or a hard link to one.</summary>
    public bool IsFile => Type is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile or TarEntryType.HardLink;
}

/// <summary>A layer of an image, which is a tar: https://github.com/opencontainers/image-spec/blob/main/layer.md.</summary>
/// <param name="Digest">Digest of the unpacked tar, "sha256:…".</param>
/// <param name="CompressedBytes">Bytes that a registry would transfer: the length in the archive if the layer is compressed there, else its length with gzip.</param>
/// <param name="Entries">The entries in the order of the tar.</param>
public sealed record ImageLayer(string Digest, long CompressedBytes, IReadOnlyList<LayerEntry> Entries)
{
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Sum of the file contents.</summary>
    public long UnpackedBytes => Entries.Sum(e => e.Length);

    /// <summary>Reads a layer.</summary>
    /// <param name="stream">The layer as it is in the archive.</param>
    /// <param name="length">Length of the stream in bytes.</param>
    public static async Task<ImageLayer> ReadAsync(Stream stream, long length, bool gzipped, CancellationToken cancellationToken)
    {
        // The bytes are read once: one task hashes and compresses them while the other reads the tar.
        var pipe = new Pipe();
        var pumping = PumpAsync(stream, gzipped, pipe.Writer, cancellationToken);
        List<LayerEntry> entries = [];
        var tar = pipe.Reader.AsStream();
        try
        {
            await using var reader = new TarReader(tar, leaveOpen: true);
            while (await reader.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
            {
                if (entry.EntryType is not TarEntryType.GlobalExtendedAttributes) // not a file, but attributes of all following entries
                {
                    entries.Add(new(
                        Normalize(entry.Name),
                        entry.EntryType,
                        entry.EntryType is TarEntryType.HardLink ? 0 : entry.Length,
                        entry.LinkName,
                        await IsStaticAsync(entry, cancellationToken),
                        Normalize(entry.Name) == LayerEntry.UsersPath ? await ReadUsersAsync(entry, cancellationToken) : null));
                }
            }

            await tar.CopyToAsync(Stream.Null, cancellationToken); // The digest includes the padding at the end.
        }
        finally
        {
            await tar.DisposeAsync();
            await ((Task)pumping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var (digest, compressed) = await pumping;
        return new(digest, gzipped ? length : compressed, entries);
    }

    /// <summary>Makes paths comparable: <c>./etc/passwd</c>, <c>/etc/passwd</c> and <c>etc/passwd/</c> become <c>etc/passwd</c>.</summary>
    internal static string Normalize(string path) => (path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path).Trim('/');

    private static async Task<(string Digest, long Compressed)> PumpAsync(Stream stream, bool gzipped, PipeWriter writer, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var compressed = new CountingStream();
        // Of .NET's levels, this one comes within 1 % of the size that gzip(1) and registry clients produce by default.
        await using var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true);
        await using var unpacked = gzipped ? new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true) : stream;
        var buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            for (int read; (read = await unpacked.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                var chunk = buffer.AsMemory(0, read);
                hash.AppendData(chunk.Span);
                if (!gzipped)
                {
                    gzip.Write(chunk.Span);
                }

                await writer.WriteAsync(chunk, cancellationToken);
            }

            await writer.CompleteAsync();
        }
        catch (Exception e)
        {
            await writer.CompleteAsync(e);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        await gzip.DisposeAsync(); // writes the last bytes
        return ($"sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}", compressed.Length);
    }

    private static async Task<bool?> IsStaticAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.DataStream is not { } data || (entry.Mode & Executable) == 0)
        {
            return null;
        }

        var start = new byte[Math.Min(ElfHeader.Length, entry.Length)];
        await data.ReadExactlyAsync(start, cancellationToken);
        return ElfHeader.IsStatic(start);
    }

    /// <summary>Reads <c>appuser:x:10001:10001:App User:/:/sbin/nologin</c>.</summary>
    private static async Task<IReadOnlyDictionary<string, string>> ReadUsersAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        Dictionary<string, string> users = [];
        using var reader = new StreamReader(entry.DataStream ?? Stream.Null, leaveOpen: true);
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Split(':') is [var name, _, var uid, ..])
            {
                users.TryAdd(uid, name); // the first line of a UID counts
            }
        }

        return users;
    }

    /// <summary>Counts the bytes that are written to it, and drops them.</summary>
    private sealed class CountingStream : MemoryStream
    {
        private long _length;

        public override long Length => _length;

        public override void Write(byte[] buffer, int offset, int count) => _length += count;

        public override void Write(ReadOnlySpan<byte> buffer) => _length += buffer.Length;
    }
}
