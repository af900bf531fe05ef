using System.Buffers.Binary;
using ZstdSharp;
using ZstdSharp.Unsafe;
using static Hello.Tests.ImageArchiveBuilder;
using static Hello.Tests.ImageArchiveTests;
using Archive = Hello.Compare.Images.ImageArchive;

namespace Hello.Tests;

/// <summary>Layers are read however they are compressed, and a damaged one is named.</summary>
public sealed class ImageArchiveCompressionTests
{
    /// <summary>Several blocks of zstd, which compress to about half.</summary>
    private static readonly byte[] Upper = Layer("b", [.. Enumerable.Range(0, 400_000).Select(i => (byte)(HashCode.Combine(7, i / 2) & 0x3F))]);

    private static readonly byte[] Lower = Layer("a=12");

    /// <summary>Forms of a compressed file, whose content is the same.</summary>
    private static readonly Dictionary<string, Func<byte[], byte[]>> Forms = new()
    {
        ["gzip"] = Gzip,
        ["gzip in members of a byte"] = c => InParts(c[..600], 600, Gzip).Concat(Gzip(c[600..])).ToArray(),
        ["zstd of unknown length with a checksum"] = c => ZstdStream(c, (ZSTD_cParameter.ZSTD_c_checksumFlag, 1)),
        ["zstd with a large window"] = c => ZstdStream(c, (ZSTD_cParameter.ZSTD_c_windowLog, 29), (ZSTD_cParameter.ZSTD_c_enableLongDistanceMatching, 0)),
        ["zstd among all skippable frames"] = c =>
            [.. Enumerable.Range(0, 16).SelectMany(i => Skippable(i, i)), .. Zstd(c[..9]), .. Zstd([]), .. Skippable(15, 0), .. Zstd(c[9..]), .. Skippable(3, 1)],
    };

    public static TheoryData<string> FormNames => [.. Forms.Keys];

    [Theory]
    [MemberData(nameof(FormNames))]
    public async Task A_compressed_layer_is_read_and_checked_and_its_bytes_in_the_archive_are_counted(string form)
    {
        byte[][] layers = [Lower, Upper], stored = [.. layers.Select(Forms[form])];
        var archive = await ReadAsync(Stored(layers, stored));

        Assert.Equal(layers.Select(Digest), archive.Layers.Select(l => l.Digest));
        Assert.Equal(stored.Select(s => (long)s.Length), archive.Layers.Select(l => l.CompressedBytes));
        Assert.Equal([2, 400_000], archive.Layers.Select(l => l.UnpackedBytes));

        using var stream = new TrickleStream(Stored([Lower], [stored[0]]).ToArray());
        Assert.Equal(Digest(Lower), (await Archive.ReadAsync(stream, Machine, sample: false, CancellationToken.None)).Layers.Single().Digest);

        var error = await ErrorAsync(Stored(layers, [stored[0], stored[0]]));
        Assert.Contains($"layer 2 has the digest {Digest(Lower)}, not {Digest(Upper)}", error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(FormNames))]
    public async Task A_compressed_layer_that_is_cut_short_or_changed_is_an_error_unless_no_content_changes(string form)
    {
        var whole = Forms[form](Lower);
        byte[] bits = [1, 0x80, 0xFF];
        for (var i = 0; i < whole.Length; i += 1 + (i / 100))
        {
            // The last bytes may hold no content: the end of gzip, a checksum or a frame to skip.
            await AssertNamedUnlessSameAsync(whole[..i]);
            await AssertNamedUnlessSameAsync([.. whole[..i], (byte)(whole[i] ^ bits[i % bits.Length]), .. whole[(i + 1)..]]);
        }

        static async Task AssertNamedUnlessSameAsync(byte[] stored)
        {
            using var stream = new MemoryStream(Stored([Layer("b"), Lower], [Layer("b"), stored]).ToArray());
            var (archive, error) = await TryAsync(stream);
            var isRight = archive is null
                ? error!.Contains($"{BlobName(stored)} (layer 2)", StringComparison.Ordinal) || error.Contains("layer 2 has", StringComparison.Ordinal)
                : archive.Layers[1].Digest == Digest(Lower);
            Assert.True(isRight, $"{Convert.ToHexString(stored)}: {error ?? "it was read"}");
        }
    }

    private static byte[] InParts(byte[] content, int parts, Func<byte[], byte[]> compress) =>
        [.. content.Chunk((content.Length + parts - 1) / parts).SelectMany(compress)];

    /// <summary>A frame that a reader skips.</summary>
    private static byte[] Skippable(int kind, int length)
    {
        var frame = new byte[8 + length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, 0x184D2A50 + (uint)kind);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), length);
        return frame;
    }

    private static byte[] ZstdStream(byte[] content, params (ZSTD_cParameter Name, int Value)[] parameters)
    {
        using var stream = new MemoryStream();
        using (var zstd = new CompressionStream(stream))
        {
            Array.ForEach(parameters, parameter => zstd.SetParameter(parameter.Name, parameter.Value));
            zstd.Write(content);
        }

        return stream.ToArray();
    }
}
