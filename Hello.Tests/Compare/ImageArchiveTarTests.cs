using System.Formats.Tar;
using System.Text;
using static Hello.Tests.ImageArchiveTests;
using static Hello.Tests.RawTar;

namespace Hello.Tests;

/// <summary>The tars that engines accept are read, and a size that makes no sense is a clear error.</summary>
public sealed class ImageArchiveTarTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly Int128 Highest = long.MaxValue;

    /// <summary>The values of an attribute that stands before the path, which must still be found after it.</summary>
    public static TheoryData<string> Values =>
    [
        "plain",
        "a\nb",
        "\n",
        "\n\n\n",
        "a\n13 path=evil\nb",
        "a\n9 size=9\n",
        "=", "a=b=c", " ", "12 ",
        "\0", "\u0001\0\0\u0002\0\u0004\0\0\0\0\0\0\n\0\0\0", // a capability, as the kernel stores it
        "\u00FF\u00FE\u0080", "\u00C3\u0028",
        .. Enumerable.Range(0, 256).Chunk(16).Select(bytes => string.Concat(bytes.Select(b => (char)b))),
        new string('\n', 100_000),
    ];

    /// <summary>Fields of the size that say 3.</summary>
    public static TheoryData<string> SizesOfThree => [Octal(3), Base256(3), "3", "3\0", "3 ", "       3", "         3 \0", "\0\0\0" + "3", "00000000003 ", "000000000003"];

    /// <summary>Fields of the size that are no length.</summary>
    public static TheoryData<string> NoSizes =>
    [
        .. new[] { -1, -2, -512, long.MinValue, Highest + 1, Highest * 2, Highest * 256, -Highest * 2 }.Select(Base256),
        "8", "-1", "0x1", "1.5", "abc", "1e3", "\u007F",
    ];

    /// <summary>PAX records of the size that are no length.</summary>
    public static TheoryData<string> NoPaxSizes =>
        ["-1", "-9223372036854775808", "9223372036854775808", "99999999999999999999999999", "-99999999999999999999999999", "abc", "1.5", "0x1", " ", "1 2", "\n", "\0", "\u00FF", new string('9', 100_000)];

    /// <summary>Sizes that are a length, but of more than there is.</summary>
    public static TheoryData<long> TooLarge => [1537, 4096, int.MaxValue, (long)int.MaxValue + 1, 1L << 40, long.MaxValue - 512, long.MaxValue - 511, long.MaxValue - 1, long.MaxValue];

    [Theory]
    [MemberData(nameof(Values))]
    public async Task A_PAX_value_may_hold_any_byte(string value) =>
        Assert.Equal("long", await PathsAsync(Tar(Pax($"SCHILY.xattr.user.a={value}", "path=long"), Entry("short", "1"))));

    [Theory]
    [MemberData(nameof(Values))]
    public async Task A_global_PAX_header_may_hold_any_byte_and_changes_no_file(string value) =>
        Assert.Equal("a b", await PathsAsync(Tar(Entry("g", $"{value}path=wrong", 'g'), Entry("a"), Entry("b"))));

    [Theory]
    [InlineData("caf\u00E9", "caf\u00E8")]
    [InlineData("\u00FF", "\u00FE")]
    [InlineData("a\u00C3\u0028", "a\u00C3\u0029")]
    [InlineData("a\nb", "a\nc")]
    [InlineData("a", "a\n")]
    public async Task Names_of_any_bytes_stay_different_files(string one, string other)
    {
        foreach (var tar in new[] { Tar(Pax($"path={one}"), Entry("x"), Pax($"path={other}"), Entry("x")), Tar(Entry(one), Entry(other)), Tar(LongPath(one), Entry("x"), LongPath(other), Entry("x")) })
        {
            Assert.Equal(2, (await ReadAsync(ImageArchiveBuilder.Docker(tar))).MergeLayers().Count);
        }

        static byte[] LongPath(string path) => Entry("././@LongLink", $"{path}\0", 'L');
    }

    [Fact]
    public async Task A_name_in_UTF_8_is_read_as_such() =>
        Assert.Equal("é", await PathsAsync(Tar(Pax("path=\u00C3\u00A9"), Entry("x"))));

    [Theory]
    [InlineData("path=a path=b", "b")]
    [InlineData("path=", "short")]
    [InlineData("path=a path=", "short")]
    [InlineData("linkpath=x path=a", "a")]
    [InlineData("mtime=-99999999999999999999 path=a", "a")]
    [InlineData("mtime=never uid=18446744073709551616 path=a", "a")]
    public async Task The_last_PAX_record_counts_and_an_empty_one_is_none(string records, string path) =>
        Assert.Equal(path, await PathsAsync(Tar(Pax(records.Split(' ')), Entry("short", "1"))));

    [Fact]
    public async Task A_PAX_header_is_for_the_next_file_alone() => Assert.Equal("a c", await PathsAsync(Tar(Pax("path=a"), Entry("b"), Entry("c"))));

    [Theory]
    [InlineData("1 path=a\n")]
    [InlineData("0 path=a\n")]
    [InlineData("-9 path=a\n")]
    [InlineData("8 path=a\n")]
    [InlineData("11 path=a\n")]
    [InlineData("99999999999999999999 path=a\n")]
    [InlineData("2147483647 path=a\n")]
    [InlineData("9path=a\n")]
    [InlineData("9 path:a\n")]
    [InlineData(" 9 path=a\n")]
    [InlineData("9 path=a ")]
    [InlineData("9 path=a\nrest")]
    [InlineData("\n")]
    [InlineData("\0")]
    public async Task A_damaged_PAX_header_is_a_clear_error(string header) =>
        await AssertDamagedAsync(Tar(PaxText(header), Entry("a", "1")), "PAX header");

    [Theory]
    [MemberData(nameof(SizesOfThree))]
    public async Task A_size_is_read_in_octal_and_in_base_256(string size)
    {
        var archive = await ReadAsync(ImageArchiveBuilder.Docker(Tar(Entry("a", "123", size: size), Entry("b", "4"))));

        Assert.Equal(["a 3", "b 1"], archive.Layers.Single().Entries.Select(e => $"{e.Path} {e.Length}"));
    }

    [Theory]
    [MemberData(nameof(SizesOfThree))]
    public async Task A_size_in_a_PAX_header_replaces_that_of_the_file(string size)
    {
        var archive = await ReadAsync(ImageArchiveBuilder.Docker(Tar(Pax("size=1"), Entry("a", "1", size: size), Entry("b", "4"))));

        Assert.Equal(["a 1", "b 1"], archive.Layers.Single().Entries.Select(e => $"{e.Path} {e.Length}"));
    }

    [Theory]
    [MemberData(nameof(NoSizes))]
    public async Task A_negative_or_too_large_size_is_a_clear_error(string size)
    {
        await AssertDamagedAsync(Tar(Entry("a", "123", size: size)), "size");
        await AssertDamagedAsync(Tar(Entry("x", "123", 'x', size)), "size");
        await AssertDamagedAsync(Tar(Entry("x", "123", 'L', size)), "size");
        await AssertDamagedAsync(Tar(Entry("x", "123", 'g', size)), "size");
    }

    [Theory]
    [MemberData(nameof(NoPaxSizes))]
    public async Task A_negative_or_too_large_size_in_a_PAX_header_is_a_clear_error(string size) =>
        await AssertDamagedAsync(Tar(Pax($"size={size}"), Entry("a", "123")), "size");

    [Theory]
    [MemberData(nameof(TooLarge))]
    public async Task A_size_beyond_the_end_is_a_clear_error(long size)
    {
        await AssertDamagedAsync(Tar(Entry("a", "123", size: Base256(size))), "too early");
        await AssertDamagedAsync(Tar(Pax($"size={size}"), Entry("a", "123")), "too early");
        foreach (var type in "xLK")
        {
            await AssertDamagedAsync(Tar(Entry("x", "123", type, Base256(size))), "");
        }
    }

    [Theory]
    [MemberData(nameof(NoSizes))]
    public async Task The_archive_itself_has_the_same_errors(string size)
    {
        using var stream = new MemoryStream(Tar(Entry("blobs/sha256/1", "123"), Entry("a", "123", size: size)));
        var error = await ErrorAsync(stream).WaitAsync(Limit);

        Assert.StartsWith("The image's archive is damaged or cut short in or after blobs/sha256/1: the size of an entry is", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('1')]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('4')]
    [InlineData('5')]
    [InlineData('6')]
    public async Task An_entry_without_content_may_have_a_size(char type)
    {
        foreach (var size in NoSizes.OfType<object[]>().Select(row => (string)row[0]).Append(Octal(5)))
        {
            Assert.Equal(0, (await ReadAsync(ImageArchiveBuilder.Docker(Tar(Entry("a", type: type, size: size), Entry("b"))))).Layers.Single().UnpackedBytes);
        }
    }

    [Theory]
    [InlineData(108)] // UID
    [InlineData(116)] // GID
    [InlineData(136)] // time of change
    [InlineData(329)] // number of a device
    public async Task A_number_that_nothing_needs_may_be_anything(int at)
    {
        foreach (var field in new[] { "\u0080\u007F\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF", "\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF\u0000", "never\0" })
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
        foreach (var cut in new[] { tar, tar[..^511] })
        {
            Assert.Equal("a b", await PathsAsync(cut));
        }

        Assert.Equal("", await PathsAsync([]));
    }

    private static async Task<string> PathsAsync(byte[] layer) => string.Join(' ', (await ReadAsync(ImageArchiveBuilder.Docker(layer))).Layers.Single().Entries.Select(e => e.Path));

    /// <summary>The layer, plain or compressed, is named with the reason.</summary>
    private static async Task AssertDamagedAsync(byte[] layer, string reason)
    {
        var below = ImageArchiveBuilder.Layer("a=1");
        foreach (var (builder, name) in new[] { (ImageArchiveBuilder.Docker(below, layer), "id2/layer.tar (layer 2)"), (ImageArchiveBuilder.Oci(below, layer), $"{ImageArchiveBuilder.BlobName(ImageArchiveBuilder.Gzip(layer))} (layer 2)") })
        {
            var error = await ErrorAsync(builder).WaitAsync(Limit);
            Assert.True(error.Contains(name, StringComparison.Ordinal) && error.Contains(reason, StringComparison.Ordinal) && error.Length < 500, error);
        }
    }
}
