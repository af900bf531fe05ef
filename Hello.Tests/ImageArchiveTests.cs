using System.Formats.Tar;
using System.Text;
using Hello.AppHost;
using Hello.AppHost.Facts;
using static Hello.Tests.ImageArchiveBuilder;
using Archive = Hello.AppHost.Facts.ImageArchive;

namespace Hello.Tests;

/// <summary>Archives of images are read right, or not at all.</summary>
public sealed class ImageArchiveTests
{
    private static readonly byte[] Compressible = new byte[100_000];

    public static TheoryData<string> Layouts => [nameof(Docker), nameof(Oci), nameof(NestedOci), nameof(Both)];

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task The_layers_are_those_of_the_image_from_the_base_upwards(string layout)
    {
        byte[][] layers = [Layer("base=12"), Layer("middle=345"), Layer("top=6")];
        var archive = await ReadAsync(Of(layout, layers));

        Assert.Equal(layers.Select(Digest), archive.Layers.Select(l => l.Digest));
        Assert.Equal(["base", "middle", "top"], archive.Layers.Select(l => Assert.Single(l.Entries).Path));
        Assert.Equal([2, 3, 1], archive.Layers.Select(l => l.UnpackedBytes));
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task The_configuration_is_that_of_the_image(string layout)
    {
        var layer = Layer("a=1");
        var archive = await ReadAsync(Of(layout, layer));

        Assert.Equal(Digest(layer), archive.Config.GetProperty("rootfs").GetProperty("diff_ids")[0].GetString());
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task An_image_may_have_no_layer(string layout) => Assert.Empty((await ReadAsync(Of(layout))).Layers);

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task A_layer_may_be_empty(string layout)
    {
        var archive = await ReadAsync(Of(layout, Layer("a=1"), Layer("")));

        Assert.Equal([1, 0], archive.Layers.Select(l => l.UnpackedBytes));
        Assert.Equal(["a"], archive.MergeLayers().Keys);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task A_stream_that_cannot_seek_and_comes_byte_by_byte_will_do(string layout)
    {
        var archive = Of(layout, Layer("a=1 bin/b=23"), Layer("c=456")).ToArray();
        using var stream = new TrickleStream(archive);

        Assert.Equal(Describe(await ReadAsync(archive)), Describe(await Archive.ReadAsync(stream, CancellationToken.None)));
    }

    [Fact]
    public async Task A_layer_may_be_a_link_to_that_of_another_folder()
    {
        byte[][] layers = [Layer("a=1"), Layer("b=2"), Layer("a=1")];
        var builder = Docker(layers);
        builder.Files.Remove("id3/layer.tar");
        builder.Links["id3/layer.tar"] = "../id1/layer.tar";

        Assert.Equal(layers.Select(Digest), (await ReadAsync(builder)).Layers.Select(l => l.Digest));
    }

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public async Task Every_format_of_tar_is_read(TarEntryFormat format)
    {
        var archive = await ReadAsync(Docker(Layer("bin/ bin/a=123 b->bin/a c=>bin/a d", format)));

        Assert.Equal(3, archive.Layers.Single().UnpackedBytes);
        Assert.Equal(["b", "bin/a", "c", "d"], archive.MergeLayers().Keys);
    }

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public async Task A_path_may_be_long(TarEntryFormat format)
    {
        var path = $"{new string('d', 90)}/{new string('f', 90)}";

        Assert.Equal([path], (await ReadAsync(Docker(Layer($"{path}=1", format)))).MergeLayers().Keys);
    }

    [Theory]
    [InlineData("a=12 b=345", 5)]
    [InlineData("a=12 | a=345", 5)]
    [InlineData("a=12 | .wh.a", 2)]
    [InlineData("d/a=12 | d", 2)]
    [InlineData("a=12 b=>a c->a d/", 2)]
    public async Task The_unpacked_bytes_are_those_of_all_layers_even_of_what_is_deleted(string layers, int bytes) =>
        Assert.Equal(bytes, (await ReadAsync(Docker(Layers(layers)))).Layers.Sum(l => l.UnpackedBytes));

    [Fact]
    public async Task A_header_for_the_whole_tar_is_no_content()
    {
        var layer = Tar([new PaxGlobalExtendedAttributesTarEntry(new Dictionary<string, string> { ["comment"] = "0123456789" }), new PaxTarEntry(TarEntryType.RegularFile, "a")]);
        var archive = await ReadAsync(Docker(layer));

        Assert.Equal(0, archive.Layers.Single().UnpackedBytes);
        Assert.Equal(["a"], archive.MergeLayers().Keys);
    }

    [Theory]
    [InlineData("a b | .wh.a", "b")]
    [InlineData("a b | .wh.a | a", "a b")]
    [InlineData("d/ d/a d/e/b da | .wh.d", "da")]
    [InlineData("d/a d/e/b da | d/.wh..wh..opq d/c", "d/c da")]
    [InlineData("d/a | d/c d/.wh..wh..opq", "d/c")]
    [InlineData("a d/b | .wh..wh..opq c", "c")]
    [InlineData("a | a .wh.a", "a")]
    [InlineData("a .wh.a", "a")]
    [InlineData("d/e/a | d/.wh.e f", "f")]
    [InlineData("a->b b | .wh.a", "b")]
    [InlineData("a | .wh.b", "a")]
    public async Task A_whiteout_hides_what_lower_layers_have(string layers, string visible) =>
        Assert.Equal(visible, string.Join(' ', (await ReadAsync(Docker(Layers(layers)))).MergeLayers().Keys));

    [Theory]
    [InlineData("d/ d/a | d", "d")]
    [InlineData("d/ d/a | d->e", "d")]
    [InlineData("d | d/ d/a", "d/a")]
    [InlineData("d->e | d/ d/a", "d/a")]
    [InlineData("d/ d/a | d/ d/b", "d/a d/b")]
    public async Task A_file_and_a_directory_take_each_others_place(string layers, string visible) =>
        Assert.Equal(visible, string.Join(' ', (await ReadAsync(Docker(Layers(layers)))).MergeLayers().Keys));

    [Theory]
    [InlineData("./d/ ./d/a")]
    [InlineData("/d/ /d/a")]
    [InlineData("d/ d/a")]
    public async Task A_path_is_the_same_however_it_is_written(string layer)
    {
        foreach (var upper in new[] { "d/a=1", "./d/a=1", "/d/a=1" })
        {
            var merged = (await ReadAsync(Docker(Layer(layer), Layer(upper)))).MergeLayers();

            Assert.Equal(1, Assert.Single(merged).Value.Length);
        }
    }

    [Theory]
    [InlineData("a b=1 d/ d/c", 3)]
    [InlineData("a b=>a", 2)]
    [InlineData("a b->a", 1)]
    [InlineData("a->b c=>a", 0)]
    [InlineData("a b | .wh.a", 1)]
    [InlineData("a | a", 1)]
    public async Task Files_and_hard_links_are_counted_but_no_symbolic_links(string layers, int files) =>
        Assert.Equal(files, new ImageFileSystem((await ReadAsync(Docker(Layers(layers)))).MergeLayers()).FileCount);

    [Fact]
    public async Task The_compressed_bytes_of_a_compressed_layer_are_its_bytes_in_the_archive()
    {
        var layer = Layer("a", Compressible);

        Assert.Equal(Gzip(layer).Length, Assert.Single((await ReadAsync(Oci(layer))).Layers).CompressedBytes);
    }

    [Fact]
    public async Task The_compressed_bytes_of_a_plain_layer_are_about_those_that_gzip_makes_of_it()
    {
        var layer = Layer("a", [.. Enumerable.Range(0, 50_000).SelectMany(i => Encoding.ASCII.GetBytes($"{i * i}"))]);

        Assert.InRange(Assert.Single((await ReadAsync(Docker(layer))).Layers).CompressedBytes, Gzip(layer).Length * 0.9, Gzip(layer).Length * 1.1);
    }

    [Theory]
    [InlineData(nameof(Docker), true)]
    [InlineData(nameof(Docker), false)]
    [InlineData(nameof(Oci), true)]
    [InlineData(nameof(Oci), false)]
    [InlineData(nameof(NestedOci), false)]
    [InlineData(nameof(Both), false)]
    public async Task A_truncated_archive_is_a_clear_error(string layout, bool seekable)
    {
        var archive = Of(layout, Layer("a=1 bin/b=23"), Layer("c=456")).ToArray();
        var whole = Describe(await ReadAsync(archive));
        var contentEnd = archive.Length - archive.Reverse().TakeWhile(b => b == 0).Count();
        for (var cut = 0; cut < archive.Length; cut += cut % 512 is 0 or 511 ? 1 : 73)
        {
            using var stream = seekable ? new MemoryStream(archive[..cut]) : new PipedStream(archive[..cut]);
            if (cut < contentEnd)
            {
                await ErrorAsync(stream);
            }
            else
            {
                string? found = null;
                var error = await Record.ExceptionAsync(async () => found = Describe(await Archive.ReadAsync(stream, CancellationToken.None)));
                Assert.True(error is MeasurementException || found == whole, $"Cut at {cut}: {error}{found}");
            }
        }
    }

    [Theory]
    [InlineData(nameof(Docker), "id1/layer.tar")]
    [InlineData(nameof(Both), null)]
    public async Task A_changed_byte_in_a_layer_is_a_clear_error(string layout, string? name)
    {
        var layer = Layer("a=1 b=23");
        var builder = Of(layout, layer);
        for (var i = 0; i < layer.Length; i++)
        {
            var changed = layer.ToArray();
            changed[i] ^= 1;
            builder.Files[name ?? BlobName(layer)] = changed;

            var message = await ErrorAsync(builder);
            Assert.True(message.Contains(name ?? BlobName(layer), StringComparison.Ordinal) || message.Contains("layer 1", StringComparison.Ordinal), message);
        }
    }

    [Fact]
    public async Task A_changed_byte_in_a_compressed_layer_is_a_clear_error_unless_it_changes_no_content()
    {
        var layer = Layer("a=1 b=23");
        var (builder, stored) = (Oci(layer), Gzip(layer));
        for (var i = 0; i < stored.Length; i++)
        {
            builder.Files[BlobName(stored)] = [.. stored[..i], (byte)(stored[i] ^ 1), .. stored[(i + 1)..]];
            var (archive, error) = await TryAsync(new MemoryStream(builder.ToArray()));

            Assert.True(error is not null || archive!.Layers.Single().Digest == Digest(layer), $"Byte {i} passed.");
        }
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task A_changed_byte_anywhere_fails_in_no_other_way(string layout)
    {
        var archive = Of(layout, Layer("a=1 bin/b=23")).ToArray();
        for (var i = 0; i < archive.Length; i++)
        {
            foreach (var changed in new byte[] { 0, 1, 0x7F, 0x80, 0xFF, (byte)'9' })
            {
                await TryAsync(new MemoryStream([.. archive[..i], changed, .. archive[(i + 1)..]]));
            }
        }
    }

    [Theory]
    [InlineData(nameof(Docker))]
    [InlineData(nameof(Oci))]
    [InlineData(nameof(NestedOci))]
    [InlineData(nameof(Both))]
    public async Task A_missing_file_is_named(string layout)
    {
        byte[][] layers = [Layer("a=1"), Layer("b=2")];
        foreach (var name in Of(layout, layers).Files.Keys.Where(n => n is not "manifest.json" and not "index.json" and not "oci-layout"))
        {
            var builder = Of(layout, layers);
            builder.Files.Remove(name);
            var (_, error) = await TryAsync(new MemoryStream(builder.ToArray()));
            if (!(layout == nameof(NestedOci) && error is null)) // what belongs to the attestation is not missed
            {
                Assert.Contains($"it has no {name}", error, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("id2/layer.tar", "it has no id2/layer.tar")]
    [InlineData("config.json", "it has no config.json")]
    [InlineData("manifest.json", "it has no index.json")]
    public async Task A_missing_file_is_named(string name, string message)
    {
        var builder = Docker(Layer("a=1"), Layer("b=2"));
        builder.Files.Remove(name);

        Assert.Contains(message, await ErrorAsync(builder), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("zstd", "compressed with zstd", 0x28, 0xB5, 0x2F, 0xFD, 0)]
    [InlineData("a cut gzip", "id1/layer.tar", 0x1F, 0x8B, 8, 0)]
    [InlineData("no tar", "neither JSON nor a tar", 1, 2, 3)]
    public async Task An_unreadable_layer_is_named_with_the_reason(string what, string reason, params int[] start)
    {
        var builder = Docker(Layer("a=1"));
        builder.Files["id1/layer.tar"] = [.. start.Select(b => (byte)b)];
        var message = await ErrorAsync(builder);

        Assert.Contains("id1/layer.tar", message, StringComparison.Ordinal);
        Assert.True(message.Contains(reason, StringComparison.Ordinal), $"{what}: {message}");
    }

    /// <summary>Cuts a stream into pieces that no one can seek in, as a pipe does.</summary>
    private class PipedStream(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }

    private sealed class TrickleStream(byte[] content) : PipedStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(buffer.Length, 1)], cancellationToken);
    }
}
