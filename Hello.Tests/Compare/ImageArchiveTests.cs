using System.Formats.Tar;
using System.Text;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using static Hello.Tests.ImageArchiveBuilder;
using Archive = Hello.Compare.Images.ImageArchive;

namespace Hello.Tests;

/// <summary>An archive of an image is read correctly, or not at all.</summary>
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
    public async Task A_stream_that_cannot_seek_and_comes_byte_by_byte_is_read(string layout)
    {
        var archive = Of(layout, Layer("a=1 bin/b=23"), Layer("c=456")).ToArray();
        using var stream = new TrickleStream(archive);

        Assert.Equal(Describe(await ReadAsync(archive)), Describe(await Archive.ReadAsync(stream, ImagePlatform.Host, sample: false, CancellationToken.None)));
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
    public async Task The_unpacked_bytes_are_those_of_all_layers_even_of_deleted_files(string layers, int bytes) =>
        Assert.Equal(bytes, (await ReadAsync(Docker(Layers(layers)))).Layers.Sum(l => l.UnpackedBytes));

    [Fact]
    public async Task A_header_for_the_whole_tar_does_not_count_as_content()
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
    public async Task A_whiteout_hides_files_of_lower_layers(string layers, string visible) =>
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
            var (found, error) = await TryAsync(stream);

            Assert.True(cut < contentEnd ? error is not null : found is null || Describe(found) == whole, $"Cut at {cut} of {archive.Length}: {found}");
        }
    }

    [Theory]
    [InlineData(nameof(Docker), "id1/layer.tar")]
    [InlineData(nameof(Both), null)]
    public async Task A_changed_byte_in_a_layer_is_a_clear_error(string layout, string? name)
    {
        var layer = Layer("a=1");
        var builder = Of(layout, layer);
        for (var i = 0; i < layer.Length; i += Step(layer[i]))
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
    [InlineData(nameof(Docker))]
    [InlineData(nameof(NestedOci))]
    public async Task A_changed_byte_anywhere_fails_in_no_other_way(string layout)
    {
        var archive = Of(layout, Layer("a=1 bin/b=23")).ToArray();
        for (var i = 0; i < archive.Length; i += Step(archive[i]))
        {
            await TryAsync(new MemoryStream([.. archive[..i], 0xFF, .. archive[(i + 1)..]]));
        }
    }

    [Theory]
    [InlineData("id2/layer.tar", "it has no id2/layer.tar (layer 2)")]
    [InlineData("config.json", "it has no config.json")]
    [InlineData("manifest.json", "it has no index.json")]
    public async Task A_missing_file_is_named(string name, string message)
    {
        var builder = Docker(Layer("a=1"), Layer("b=2"));
        builder.Files.Remove(name);

        Assert.Contains(message, await ErrorAsync(builder), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(Oci))]
    [InlineData(nameof(Both))]
    public async Task A_missing_blob_is_named(string layout)
    {
        byte[][] layers = [Layer("a=1"), Layer("b=2")];
        foreach (var name in Of(layout, layers).Files.Keys.Where(n => n.StartsWith("blobs/sha256/", StringComparison.Ordinal)))
        {
            var builder = Of(layout, layers);
            builder.Files.Remove(name);
            var (_, error) = await TryAsync(new MemoryStream(builder.ToArray()));

            // Each layout has a manifest of its own, and one is enough.
            Assert.True(error?.Contains($"it has no {name}", StringComparison.Ordinal) ?? (layout == nameof(Both)), $"Without {name}: {error}");
        }
    }

    [Theory]
    [InlineData("end", 0x28, 0xB5, 0x2F, 0xFD, 0)]
    [InlineData("neither JSON nor a tar", 1, 2, 3)]
    public async Task An_unreadable_layer_is_named_with_the_reason(string reason, params int[] content)
    {
        var message = await ErrorAsync(With("id1/layer.tar", [.. content.Select(b => (byte)b)]));

        Assert.Contains("id1/layer.tar (layer 1): ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_truncated_layer_in_a_whole_archive_is_named(bool gzipped)
    {
        var layer = gzipped ? Gzip(Layer("a=1"))[..^16] : Layer("a=1"); // the last bytes of a gzip hold no content

        for (var cut = 1; cut < layer.Length; cut++)
        {
            var message = await ErrorAsync(With("id1/layer.tar", layer[..cut]));
            Assert.True(message.Contains("id1/layer.tar", StringComparison.Ordinal) || message.Contains("layer 1", StringComparison.Ordinal), $"Cut at {cut}: {message}");
        }
    }

    [Theory]
    [InlineData("manifest.json", "[")]
    [InlineData("manifest.json", "not JSON")]
    [InlineData("config.json", "{")]
    [InlineData("config.json", "not JSON")]
    public async Task Unreadable_JSON_is_named(string name, string content) =>
        Assert.Contains(name, await ErrorAsync(With(name, Encoding.UTF8.GetBytes(content))), StringComparison.Ordinal);

    [Theory]
    [InlineData("manifest.json", "[]")]
    [InlineData("manifest.json", "{}")]
    [InlineData("manifest.json", "[1]")]
    [InlineData("manifest.json", """[{"Config":"config.json"}]""")]
    [InlineData("manifest.json", """[{"Config":null,"Layers":["id1/layer.tar"]}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":null}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":[null]}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":["config.json"]}]""")]
    [InlineData("manifest.json", """[{"Config":"id1/layer.tar","Layers":["id1/layer.tar"]}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":[]}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":["id1/layer.tar","id1/layer.tar"]}]""")]
    [InlineData("config.json", "{}")]
    [InlineData("config.json", "[]")]
    [InlineData("config.json", """{"rootfs":{"diff_ids":null}}""")]
    [InlineData("config.json", """{"rootfs":{"diff_ids":[null]}}""")]
    [InlineData("config.json", """{"rootfs":{"diff_ids":[1]}}""")]
    public async Task JSON_that_describes_no_image_is_a_clear_error(string name, string content) =>
        Assert.StartsWith("The image's archive is", await ErrorAsync(With(name, Encoding.UTF8.GetBytes(content))), StringComparison.Ordinal);

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"manifests":[]}""")]
    [InlineData("""{"manifests":[{}]}""")]
    [InlineData("""{"manifests":[{"digest":null}]}""")]
    [InlineData("""{"manifests":[{"digest":"sha256:0"}]}""")]
    [InlineData("""{"manifests":[{"digest":"sha256:0","platform":{"os":"unknown"}}]}""")]
    public async Task An_index_that_names_no_image_is_a_clear_error(string index)
    {
        var builder = Oci(Layer("a=1"));
        builder.Files["index.json"] = Encoding.UTF8.GetBytes(index);

        Assert.StartsWith("The image's archive is", await ErrorAsync(builder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_that_names_itself_is_a_clear_error()
    {
        var builder = Oci(Layer("a=1"));
        builder.Files["blobs/sha256/0"] = builder.Files["index.json"] = Encoding.UTF8.GetBytes("""{"manifests":[{"digest":"sha256:0"}]}""");

        Assert.Contains("index", await ErrorAsync(builder).WaitAsync(TimeSpan.FromSeconds(10)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_in_a_circle_are_a_clear_error()
    {
        var builder = Docker(Layer("a=1"));
        builder.Files.Remove("id1/layer.tar");
        builder.Links["id1/layer.tar"] = "../id2/layer.tar";
        builder.Links["id2/layer.tar"] = "../id1/layer.tar";

        Assert.Contains("id1/layer.tar", await ErrorAsync(builder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_no_manifest_names_may_be_unreadable()
    {
        var builder = With("notes", [1, 2, 3]);
        builder.Files["more"] = [.. Enumerable.Repeat((byte)'x', 10_000)];
        builder.Files["cut.tar"] = Layer("a", Compressible)[..2000];

        Assert.Single((await ReadAsync(builder)).Layers);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(10_000)]
    public async Task A_stream_that_is_not_an_archive_is_a_clear_error(int length)
    {
        foreach (var content in new[] { (byte)0, (byte)'x', (byte)0xFF })
        {
            using var stream = new MemoryStream([.. Enumerable.Repeat(content, length)]);
            Assert.StartsWith("The image's archive is damaged or cut short", await ErrorAsync(stream), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_empty_stream_is_a_clear_error() =>
        Assert.Contains("index.json", await ErrorAsync(Stream.Null), StringComparison.Ordinal);

    /// <summary>To the next byte to change: most bytes of a tar are zeros that fill up a block, and a fifth of them will do.</summary>
    private static int Step(byte value) => value == 0 ? 5 : 1;

    private static ImageArchiveBuilder With(string name, byte[] content)
    {
        var builder = Docker(Layer("a=1"));
        builder.Files[name] = content;
        return builder;
    }

    internal static Task<Archive> ReadAsync(ImageArchiveBuilder builder) => ReadAsync(builder.ToArray());

    private static Task<Archive> ReadAsync(byte[] archive) => Archive.ReadAsync(new MemoryStream(archive), ImagePlatform.Host, sample: false, CancellationToken.None);

    internal static Task<string> ErrorAsync(ImageArchiveBuilder builder) => ErrorAsync(new MemoryStream(builder.ToArray()));

    internal static async Task<string> ErrorAsync(Stream stream)
    {
        var (archive, error) = await TryAsync(stream);
        Assert.True(error is not null, $"It was read: {archive}");
        return error;
    }

    /// <summary>The image, or one line that says why there is none. Any other exception fails the test.</summary>
    internal static async Task<(Archive? Archive, string? Error)> TryAsync(Stream stream, ImagePlatform? platform = null)
    {
        try
        {
            return (await Archive.ReadAsync(stream, platform ?? ImagePlatform.Host, sample: false, CancellationToken.None), null);
        }
        catch (MeasurementException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return (null, e.Message);
        }
    }

    /// <summary>All that was read.</summary>
    private static string Describe(Archive archive) =>
        $"{archive.Config} {string.Join(' ', archive.Layers.Select(l => $"{l.Digest} {l.CompressedBytes} {string.Join(' ', l.Entries)}"))}";

    /// <summary>A stream without a position, like that of a pipe.</summary>
    internal class PipedStream(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }

    internal sealed class TrickleStream(byte[] content) : PipedStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 1)], cancellationToken);
    }
}
