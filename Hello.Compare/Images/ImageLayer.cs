using System.Buffers;
using System.Formats.Tar;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Security.Cryptography;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Hello.Compare.Images;

/// <summary>An entry of a layer.</summary>
/// <param name="Path">The path without a slash in front or at the end.</param>
/// <param name="Length">Bytes of its content; 0 if it is not a regular file.</param>
/// <param name="Target">The target of a link; empty if it is not a link.</param>
/// <param name="IsStatic">Whether a program is static; null if it is not an executable ELF file.</param>
/// <param name="Users">The names of the users by UID if it is <see cref="UsersPath"/>, else null.</param>
/// <param name="Mode">The permission bits: inode(7).</param>
internal sealed record LayerEntry(
    string Path, TarEntryType Type, long Length, string Target, bool? IsStatic, IReadOnlyDictionary<string, string>? Users = null, int Mode = 0)
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
/// <param name="IsCompressedEstimated">Whether only samples of the layer were compressed.</param>
internal sealed record ImageLayer(string Digest, long CompressedBytes, IReadOnlyList<LayerEntry> Entries, bool IsCompressedEstimated = false)
{
    /// <summary>One in this number of pieces is a sample.</summary>
    private const int SampleEvery = 32;

    /// <summary>How many bytes one task may be ahead of the other. With few, they wait for each other at every turn.</summary>
    private const int Ahead = 4 * 1024 * 1024;

    /// <summary>The logarithm of the length of a piece: 128 KiB.</summary>
    private const int PieceBits = 17;

    /// <summary>The logarithm of the largest window of zstd that engines accept: <c>zstd --long</c> uses large ones.</summary>
    private const int ZstdWindowLimit = 29;

    /// <summary>Sum of the file contents.</summary>
    public long UnpackedBytes => Entries.Sum(e => e.Length);

    /// <summary>Reads a layer.</summary>
    /// <param name="stream">The layer as it is in the archive.</param>
    /// <param name="length">Length of the stream in bytes.</param>
    /// <param name="decompress">Makes the stream of the unpacked layer. Null if the layer is not compressed.</param>
    /// <param name="sample">Whether samples tell how well the layer compresses. Compressing all of it takes ten times as long as reading it.</param>
    internal static async Task<ImageLayer> ReadAsync(Stream stream, long length, Func<Stream, Stream>? decompress, bool sample, CancellationToken cancellationToken)
    {
        // The bytes are read once: one task hashes and compresses them while the other reads the tar.
        var pipe = new Pipe(new(pauseWriterThreshold: Ahead, resumeWriterThreshold: Ahead / 2, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false));
        var pumping = PumpAsync(stream, decompress, sample, pipe.Writer, cancellationToken);
        List<LayerEntry> entries = [];
        var tar = pipe.Reader.AsStream();
        try
        {
            await foreach (var file in TarFile.ReadAllAsync(tar, hasEnd: false, cancellationToken))
            {
                var path = Normalize(file.Name);
                var isUsers = path == LayerEntry.UsersPath;
                entries.Add(new(
                    path,
                    file.Type,
                    file.Length,
                    file.Target,
                    isUsers ? null : await IsStaticAsync(file, cancellationToken),
                    isUsers ? await ReadUsersAsync(file, cancellationToken) : null,
                    file.Mode));
            }

            await tar.CopyToAsync(Stream.Null, cancellationToken); // The digest includes the padding at the end.
        }
        finally
        {
            await tar.DisposeAsync();
            await ((Task)pumping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var (digest, compressed, isEstimate) = await pumping;
        return new(digest, decompress is null ? compressed : length, entries, isEstimate);
    }

    /// <summary>What unpacks a file that starts with these bytes. Null if it is not compressed. Both formats allow several parts, one after another.</summary>
    internal static Func<Stream, Stream>? FindDecompressor(ReadOnlySpan<byte> start) => start switch
    {
        [0x1F, 0x8B, ..] => stream => new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true),
        // zstd may start with a skippable frame, in which a tool keeps data of its own: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2.
        [0x28, 0xB5, 0x2F, 0xFD, ..] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] => DecompressZstd,
        _ => null,
    };

    private static DecompressionStream DecompressZstd(Stream stream)
    {
        var zstd = new DecompressionStream(stream);
        zstd.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, ZstdWindowLimit);
        return zstd;
    }

    /// <summary>Makes paths comparable: <c>./etc/passwd</c>, <c>/etc/passwd</c> and <c>etc/passwd/</c> become <c>etc/passwd</c>.</summary>
    internal static string Normalize(string path) => (path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path).Trim('/');

    private static async Task<(string Digest, long Compressed, bool IsEstimate)> PumpAsync(Stream stream, Func<Stream, Stream>? decompress, bool sample, PipeWriter writer, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var compressed = new CountingStream();
        // Of .NET's levels, this one comes within 1 % of the size that gzip(1) and registry clients produce by default.
        await using var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true);
        await using var unpacked = decompress?.Invoke(stream) ?? stream;
        var buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        var (position, sampled) = (0L, 0L);
        try
        {
            for (int read; (read = await unpacked.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                var chunk = buffer.AsMemory(0, read);
                hash.AppendData(chunk.Span);
                if (decompress is null && (!sample || (position >> PieceBits) % SampleEvery == 0))
                {
                    gzip.Write(chunk.Span);
                    sampled += read;
                }

                position += read;
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
        var isEstimate = sampled > 0 && sampled < position;
        return ($"sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}", isEstimate ? (long)((double)compressed.Length / sampled * position) : compressed.Length, isEstimate);
    }

    private static async Task<bool?> IsStaticAsync(TarFile file, CancellationToken cancellationToken)
    {
        if (!file.IsExecutable)
        {
            return null;
        }

        var start = new byte[Math.Min(ElfHeader.Length, file.Length)];
        await file.Content.ReadExactlyAsync(start, cancellationToken);
        return ElfHeader.IsStatic(start);
    }

    /// <summary>Reads <c>appuser:x:10001:10001:App User:/:/sbin/nologin</c>.</summary>
    private static async Task<IReadOnlyDictionary<string, string>> ReadUsersAsync(TarFile file, CancellationToken cancellationToken)
    {
        Dictionary<string, string> users = [];
        using var reader = new StreamReader(file.Content, leaveOpen: true);
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
