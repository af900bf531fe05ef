using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Hello.Compare.Images;

/// <summary>An entry of a layer.</summary>
/// <param name="Path">The path without a slash in front or at the end.</param>
/// <param name="IsStatic">Whether a program is static; null if it is not an executable ELF file.</param>
/// <param name="Users">The names of the users by UID if it is <see cref="UsersPath"/>, else null.</param>
internal sealed record LayerEntry(
    string Path, TarEntryType Type, long Length, string Target, bool? IsStatic, IReadOnlyDictionary<string, string>? Users = null, int Mode = 0)
{
    /// <summary>The file with the names of the users: passwd(5).</summary>
    public const string UsersPath = "etc/passwd";

    /// <summary>Whether it is a file or a hard link to one.</summary>
    public bool IsFile => Type is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile or TarEntryType.HardLink;
}

/// <summary>A layer of an image, which is a tar: https://github.com/opencontainers/image-spec/blob/main/layer.md.</summary>
/// <param name="CompressedBytes">Bytes that a registry would transfer: the length in the archive if the layer is compressed there, else its length with gzip.</param>
internal sealed record ImageLayer(string Digest, long CompressedBytes, IReadOnlyList<LayerEntry> Entries, bool IsCompressedEstimated = false)
{
    private const int ExecuteBits = 0b001_001_001;

    /// <summary>The highest length of a file with names of users. No image has that many, but a stranger's may pretend to.</summary>
    private const int UsersLimit = 1024 * 1024;

    /// <summary>The logarithm of the largest window of zstd that engines accept: <c>zstd --long</c> uses large ones.</summary>
    private const int ZstdWindowLimit = 29;

    public long UnpackedBytes => Entries.Sum(e => e.Length);

    /// <param name="decompress">Makes the stream of the unpacked layer. Null if the layer is not compressed.</param>
    /// <param name="sample">Whether samples tell how well the layer compresses. Compressing all of it takes ten times as long as reading it.</param>
    internal static async Task<ImageLayer> ReadAsync(
        Stream stream, long length, Func<Stream, Stream>? decompress, bool sample, CancellationToken cancellationToken)
    {
        await using var unpacked = new UnpackedLayer(decompress?.Invoke(stream) ?? stream, compress: decompress is null, sample);
        List<LayerEntry> entries = [];
        await foreach (var file in TarFile.ReadAllAsync(unpacked, hasEnd: false, cancellationToken))
        {
            var path = Normalize(file.Name);
            var isUsers = path == LayerEntry.UsersPath && file.Length <= UsersLimit;
            entries.Add(new(
                path,
                file.Type,
                file.Length,
                file.Target,
                isUsers ? null : await IsStaticAsync(file, cancellationToken),
                isUsers ? await ReadUsersAsync(file, cancellationToken) : null,
                file.Mode));
        }

        await unpacked.CopyToAsync(Stream.Null, cancellationToken); // The digest includes the padding at the end.
        var (digest, compressed, isEstimate) = unpacked.End();
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

    private static async Task<bool?> IsStaticAsync(TarFile file, CancellationToken cancellationToken)
    {
        if ((file.Mode & ExecuteBits) == 0)
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

    /// <summary>The unpacked layer. Its bytes are hashed, and compressed if that is asked for, while they are read.</summary>
    private sealed class UnpackedLayer(Stream content, bool compress, bool sample) : ReadOnlyStream
    {
        /// <summary>The logarithm of the length of a piece: 128 KiB. One in <see cref="SampleEvery"/> pieces is a sample.</summary>
        private const int PieceBits = 17;

        private const int SampleEvery = 32;

        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly MemoryStream _compressed = new();
        private long _compressedLength;
        private GZipStream? _gzip;
        private long _position;
        private long _sampled;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await content.ReadAsync(buffer, cancellationToken);
            var bytes = buffer.Span[..read];
            _hash.AppendData(bytes);
            if (compress && (!sample || (_position >> PieceBits) % SampleEvery == 0))
            {
                // Of .NET's levels, this one comes within 1 % of the size that gzip(1) and registry clients produce by default.
                _gzip ??= new(_compressed, CompressionLevel.SmallestSize, leaveOpen: true);
                _gzip.Write(bytes);
                CountCompressed();
                _sampled += read;
            }

            _position += read;
            return read;
        }

        /// <summary>The digest, and the bytes of the compressed layer, when all bytes have been read.</summary>
        public (string Digest, long Compressed, bool IsEstimate) End()
        {
            _gzip?.Dispose(); // writes the last bytes
            CountCompressed();
            var isEstimate = _sampled > 0 && _sampled < _position;
            var compressed = isEstimate ? (long)((double)_compressedLength / _sampled * _position) : _compressedLength;
            return ($"sha256:{Convert.ToHexStringLower(_hash.GetHashAndReset())}", compressed, isEstimate);
        }

        protected override void Dispose(bool disposing)
        {
            _hash.Dispose();
            _gzip?.Dispose();
            content.Dispose();
            base.Dispose(disposing);
        }

        private void CountCompressed()
        {
            _compressedLength += _compressed.Length;
            _compressed.SetLength(0);
        }
    }
}
