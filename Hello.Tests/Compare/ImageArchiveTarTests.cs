using static Hello.Tests.ImageArchiveTests;
using static Hello.Tests.RawTar;

namespace Hello.Tests;

/// <summary>The tars that engines accept are read, and a size that makes no sense is a clear error.</summary>
public sealed class ImageArchiveTarTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly Int128 Highest = long.MaxValue;

    /// <summary>Fields of the size that are no length.</summary>
    private static readonly string[] NoSizes = [.. ((Int128[])[-1, -512, Highest + 1, -Highest * 2]).Select(Base256), "8", "-1", "abc"];

    /// <summary>Values of an attribute that stands before the path, which must still be found after it.</summary>
    public static TheoryData<string> Values =>
    [
        "plain", "a\n13 path=evil\nb", "=", "12 ",
        "\u0001\0\0\u0002\0\u0004\0\0\0\0\0\0\n\0\0\0", // a capability, as the kernel stores it
        string.Concat(Enumerable.Range(0, 256).Select(b => (char)b)),
        new string('\n', 100_000),
    ];

    [Theory]
    [MemberData(nameof(Values))]
    public async Task A_PAX_value_may_hold_any_byte(string value)
    {
        Assert.Equal("long", await PathsAsync(Tar(Pax($"SCHILY.xattr.user.a={value}", "path=long"), Entry("short", "1"))));
        Assert.Equal("a b", await PathsAsync(Tar(Entry("g", $"{value}path=wrong", 'g'), Entry("a"), Entry("b"))));
    }

    [Theory]
    [InlineData("caf\u00E9", "caf\u00E8")]
    [InlineData("a\u00C3\u0028", "a\u00C3\u0029")]
    public async Task Names_of_any_bytes_stay_different_files(string one, string other)
    {
        byte[][] tars =
        [
            Tar(Pax($"path={one}"), Entry("x"), Pax($"path={other}"), Entry("x")), Tar(Entry(one), Entry(other)),
            Tar(LongPath(one), Entry("x"), LongPath(other), Entry("x")),
        ];
        foreach (var tar in tars)
        {
            Assert.Equal(2, (await ReadAsync(ImageArchiveBuilder.Docker(tar))).MergeLayers().Count);
        }

        static byte[] LongPath(string path) => Entry("././@LongLink", $"{path}\0", 'L');
    }

    [Theory]
    [InlineData("path=\u00C3\u00A9", "é")]
    [InlineData("path=a path=b", "b")]
    [InlineData("path=a path=", "short")]
    [InlineData("mtime=never uid=18446744073709551616 linkpath=x path=a", "a")]
    public async Task The_last_PAX_record_counts_for_the_next_file_alone_and_an_empty_one_is_none(string records, string path) =>
        Assert.Equal($"{path} next", await PathsAsync(Tar(Pax(records.Split(' ')), Entry("short", "1"), Entry("next"))));

    [Theory]
    [InlineData("1 path=a\n")]
    [InlineData("11 path=a\n")]
    [InlineData("99999999999999999999 path=a\n")]
    [InlineData("9 path:a\n")]
    [InlineData("9 path=a ")]
    [InlineData("\0")]
    public async Task A_damaged_PAX_header_is_a_clear_error(string header) =>
        await AssertDamagedAsync(Tar(PaxText(header), Entry("a", "1")), "PAX header");

    [Fact]
    public async Task A_size_is_read_in_octal_and_in_base_256_and_replaced_by_one_in_a_PAX_header()
    {
        foreach (var three in (string[])[Octal(3), Base256(3), "3", "3 ", "         3 \0", "\0\0\0" + "3", "000000000003"])
        {
            Assert.Equal("a 3, b 1", await SizesAsync(Tar(Entry("a", "123", size: three), Entry("b", "4"))));
            Assert.Equal("a 1, b 1", await SizesAsync(Tar(Pax("size=1"), Entry("a", "1", size: three), Entry("b", "4"))));
        }

        static async Task<string> SizesAsync(byte[] layer) =>
            string.Join(", ", (await ReadAsync(ImageArchiveBuilder.Docker(layer))).Layers.Single().Entries.Select(e => $"{e.Path} {e.Length}"));
    }

    [Fact]
    public async Task A_size_that_is_no_length_is_a_clear_error()
    {
        foreach (var size in NoSizes)
        {
            await AssertDamagedAsync(Tar(Entry("a", "123", size: size)), "size");
            foreach (var type in "xLg")
            {
                await AssertDamagedAsync(Tar(Entry("x", "123", type, size)), "size");
            }

            using var archive = new MemoryStream(Tar(Entry("blobs/sha256/1", "123"), Entry("a", "123", size: size)));
            Assert.Contains(
                " damaged or cut short in or after blobs/sha256/1: the size of an entry is",
                await ErrorAsync(archive).WaitAsync(Limit), StringComparison.Ordinal);
        }

        foreach (var size in (string[])["-1", "9223372036854775808", "-99999999999999999999999999", "1.5", "", " ", "\0", new('9', 100_000)])
        {
            await AssertDamagedAsync(Tar(Pax($"size={size}"), Entry("a", "123", size: "abc")), "size");
        }
    }

    [Theory]
    [InlineData(1537)]
    [InlineData(long.MaxValue - 511)]
    [InlineData(long.MaxValue)]
    public async Task A_size_beyond_the_end_is_a_clear_error(long size)
    {
        await AssertDamagedAsync(Tar(Entry("a", "123", size: Base256(size))), "too early");
        await AssertDamagedAsync(Tar(Pax($"size={size}"), Entry("a", "123")), "too early");
        foreach (var type in "xLK")
        {
            await AssertDamagedAsync(Tar(Entry("x", "123", type, Base256(size))), "");
        }
    }

    [Fact]
    public async Task An_entry_without_content_may_have_any_size()
    {
        foreach (var (type, size) in from type in "12356" from size in NoSizes.Append(Octal(5)) select (type, size))
        {
            var archive = await ReadAsync(ImageArchiveBuilder.Docker(Tar(Entry("a", type: type, size: size), Entry("b"))));
            Assert.Equal(0, archive.Layers.Single().UnpackedBytes);
        }
    }

    [Theory]
    [InlineData(108)] // UID
    [InlineData(136)] // time of change
    [InlineData(329)] // number of a device
    public async Task A_number_that_nothing_needs_may_be_anything(int at)
    {
        foreach (var field in (string[])["\u0080\u007F\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF", "never\0"])
        {
            Assert.Equal("a", await PathsAsync(Tar(With(Entry("a", "1"), at, field))));
        }
    }

    [Fact]
    public async Task The_users_are_read_even_if_their_file_is_executable()
    {
        var archive = await ReadAsync(ImageArchiveBuilder.Docker(Tar(Entry("etc/passwd", "appuser:x:10001:10001::/:/sbin/nologin\n"))));

        Assert.Equal("appuser", archive.Layers.Single().Entries.Single().Users?["10001"]);
    }

    [Theory]
    [InlineData("d/", TarEntryType.Directory)]
    [InlineData("d", TarEntryType.V7RegularFile)]
    public async Task An_old_tar_tells_a_folder_by_its_slash(string name, TarEntryType type) =>
        Assert.Equal(type, (await ReadAsync(ImageArchiveBuilder.Docker(Tar(Entry(name, type: '\0'))))).Layers.Single().Entries.Single().Type);

    [Fact]
    public async Task A_tar_may_lack_its_end()
    {
        byte[] tar = [.. Entry("a", "1"), .. Entry("b", "2")];

        Assert.Equal(("a b", "a b", ""), (await PathsAsync(tar), await PathsAsync(tar[..^511]), await PathsAsync([])));
    }

    private static async Task<string> PathsAsync(byte[] layer) =>
        string.Join(' ', (await ReadAsync(ImageArchiveBuilder.Docker(layer))).Layers.Single().Entries.Select(e => e.Path));

    /// <summary>The layer, plain or compressed, is named with the reason.</summary>
    private static async Task AssertDamagedAsync(byte[] layer, string reason)
    {
        var below = ImageArchiveBuilder.Layer("a=1");
        (ImageArchiveBuilder Builder, string Name)[] forms =
        [
            (ImageArchiveBuilder.Docker(below, layer), "id2/layer.tar (layer 2)"),
            (ImageArchiveBuilder.Oci(below, layer), $"{ImageArchiveBuilder.BlobName(ImageArchiveBuilder.Gzip(layer))} (layer 2)"),
        ];
        foreach (var (builder, name) in forms)
        {
            var error = await ErrorAsync(builder).WaitAsync(Limit);
            Assert.True(error.Contains(name, StringComparison.Ordinal) && error.Contains(reason, StringComparison.Ordinal) && error.Length < 500, error);
        }
    }
}
