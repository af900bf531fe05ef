using static Hello.Tests.ImageArchiveBuilder;
using Archive = Hello.Compare.Images.ImageArchive;

namespace Hello.Tests;

/// <summary>An archive of an image is read correctly, or not at all.</summary>
public sealed class ImageArchiveTests
{
    /// <summary>The platform that is asked for.</summary>
    internal static readonly ImagePlatform Machine = new("linux", "amd64");

    public static TheoryData<string> Layouts => [nameof(Docker), nameof(Oci), nameof(NestedOci), nameof(Both)];

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task Configuration_and_layers_are_those_of_the_image_from_the_base_upwards(string layout)
    {
        byte[][] layers = [Layer("base=12"), Layer("middle=345"), Layer(""), Layer("top=6")];
        var builder = Of(layout, layers);
        var archive = await ReadAsync(builder);

        Assert.Equal(layers.Select(Digest), archive.Layers.Select(l => l.Digest));
        Assert.Equal(Digest(layers[0]), archive.Config.GetProperty("rootfs").GetProperty("diff_ids")[0].GetString());
        Assert.Equal(["base", "middle", "top"], archive.Layers.SelectMany(l => l.Entries).Select(e => e.Path));
        Assert.Equal([2, 3, 0, 1], archive.Layers.Select(l => l.UnpackedBytes));
        Assert.Empty((await ReadAsync(Of(layout))).Layers);

        using var stream = new TrickleStream(builder.ToArray());
        Assert.Equal(Describe(archive), Describe(await Archive.ReadAsync(stream, Machine, sample: false, CancellationToken.None)));
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
        var path = format == TarEntryFormat.V7 ? "z" : $"{new string('x', 90)}/{new string('y', 90)}";
        var archive = await ReadAsync(Docker(Layer($"bin/ bin/a=123 b->bin/a c=>bin/a ./d /e {path}=1", format)));

        Assert.Equal(4, archive.Layers.Single().UnpackedBytes);
        Assert.Equal(["b", "bin/a", "c", "d", "e", path], archive.MergeLayers().Keys);
    }

    [Fact]
    public async Task The_compressed_bytes_of_a_plain_layer_are_about_those_that_gzip_makes_of_it()
    {
        var layer = Layer("a", [.. Enumerable.Range(0, 50_000).SelectMany(i => Encoding.ASCII.GetBytes($"{i * i}"))]);

        Assert.InRange(Assert.Single((await ReadAsync(Docker(layer))).Layers).CompressedBytes, Gzip(layer).Length * 0.9, Gzip(layer).Length * 1.1);
    }

    [Theory]
    [InlineData(nameof(Docker))]
    [InlineData(nameof(NestedOci))]
    public async Task A_truncated_archive_is_a_clear_error(string layout)
    {
        var archive = Of(layout, Layer("a=1 bin/b=23"), Layer("c=456")).ToArray();
        var whole = Describe(await ReadAsync(archive));
        var contentEnd = archive.Length - archive.Reverse().TakeWhile(b => b == 0).Count();
        for (var cut = 0; cut < archive.Length; cut += cut % 512 is 0 or 511 ? 1 : 73)
        {
            var (found, error) = await TryAsync(new TrickleStream(archive[..cut]));

            Assert.True(cut < contentEnd ? error is not null : found is null || Describe(found) == whole, $"Cut at {cut} of {archive.Length}: {found}");
        }
    }

    [Fact]
    public async Task A_plain_layer_that_is_cut_short_or_changed_is_named()
    {
        var layer = Layer("a=1");
        // Most bytes of a tar are zeros that fill up a block. A fifth of them will do.
        for (var i = 0; i < layer.Length; i += layer[i] == 0 ? 5 : 1)
        {
            byte[] changed = [.. layer[..i], (byte)(layer[i] ^ 1), .. layer[(i + 1)..]];
            foreach (var damaged in (byte[][])[layer[..i], changed])
            {
                Assert.Matches(@"id1/layer\.tar|layer 1", await ErrorAsync(With("id1/layer.tar", damaged)));
            }
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
    [InlineData("id1/layer.tar", "end", 0x28, 0xB5, 0x2F, 0xFD, 0)]
    [InlineData("id1/layer.tar", "neither JSON nor a tar", 1, 2, 3)]
    [InlineData("manifest.json", "", 0x5B)]
    public async Task An_unreadable_file_is_named_with_the_reason(string name, string reason, params int[] content)
    {
        var message = await ErrorAsync(With(name, [.. content.Select(b => (byte)b)]));

        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("manifest.json", "[]")]
    [InlineData("manifest.json", """[{"Config":"config.json"}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":[null]}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":["config.json"]}]""")]
    [InlineData("manifest.json", """[{"Config":"config.json","Layers":["id1/layer.tar","id1/layer.tar"]}]""")]
    [InlineData("config.json", """{"rootfs":{"diff_ids":null}}""")]
    [InlineData("index.json", """{"manifests":[{}]}""")]
    [InlineData("index.json", """{"manifests":[{"digest":"sha256:0","platform":{"os":"unknown"}}]}""")]
    public async Task JSON_that_describes_no_image_is_a_clear_error(string name, string content) =>
        Assert.StartsWith("The image's archive is", await ErrorAsync(With(name, Encoding.UTF8.GetBytes(content))), StringComparison.Ordinal);

    [Fact]
    public async Task An_index_that_names_itself_is_a_clear_error()
    {
        var builder = With("index.json", """{"manifests":[{"digest":"sha256:0"}]}"""u8.ToArray());
        builder.Files["blobs/sha256/0"] = builder.Files["index.json"];

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
        builder.Files["cut.tar"] = Layer("a", new byte[100_000])[..2000];

        Assert.Single((await ReadAsync(builder)).Layers);
    }

    [Fact]
    public async Task A_stream_that_is_not_an_archive_is_a_clear_error()
    {
        foreach (var (length, content) in from length in (int[])[0, 1, 511, 512, 10_000] from content in (byte[])[0, (byte)'x', 0xFF] select (length, content))
        {
            using var stream = new MemoryStream([.. Enumerable.Repeat(content, length)]);
            Assert.StartsWith("The image's archive is damaged or cut short", await ErrorAsync(stream), StringComparison.Ordinal);
        }
    }

    /// <summary>An image with another file.</summary>
    private static ImageArchiveBuilder With(string name, byte[] content)
    {
        var builder = name == "index.json" ? Oci(Layer("a=1")) : Docker(Layer("a=1"));
        builder.Files[name] = content;
        return builder;
    }

    internal static Task<Archive> ReadAsync(ImageArchiveBuilder builder) => ReadAsync(builder.ToArray());

    private static Task<Archive> ReadAsync(byte[] archive) =>
        Archive.ReadAsync(new MemoryStream(archive), Machine, sample: false, CancellationToken.None);

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
            return (await Archive.ReadAsync(stream, platform ?? Machine, sample: false, CancellationToken.None), null);
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

    /// <summary>A stream without a position, like that of a pipe, that gives a byte at a time.</summary>
    internal sealed class TrickleStream(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 1)], cancellationToken);
    }
}
