using System.Diagnostics;
using static Hello.Tests.MadeUpImages;
using Archive = Hello.Compare.Images.ImageArchive;

namespace Hello.Tests;

/// <summary>What the bytes of an image are. The images are small and made up.</summary>
public sealed class ImageContentsTests
{
    [Theory]
    [InlineData("RUN /bin/sh -c make   all # buildkit", "RUN make all")]
    [InlineData("/bin/sh -c #(nop) COPY file:4b5a in / ", "COPY file:4b5a in /")]
    [InlineData("RUN |1 TOKEN=s3cret /bin/sh -c make # buildkit", "RUN make")]
    [InlineData("|2 A=b TOKEN=s3 cret /bin/sh -c make", "RUN make")]
    [InlineData("RUN /bin/sh -c a &&\n\tb\u001b[31m", "RUN a && b [31m")]
    [InlineData("|1 TOKEN=/bin/sh -c s3cret /bin/sh -c make", "RUN make")]
    [InlineData("RUN |1 TOKEN=s3cret /bin/ash -eo pipefail -c touch /y # buildkit", "RUN touch /y", "/bin/ash", "-eo", "pipefail", "-c")]
    [InlineData("RUN |1 TOKEN=s3cret touch /y # buildkit", "RUN (with build arguments, which are not shown)")] // RUN ["touch", "/y"]
    public void A_layer_has_the_instruction_that_made_it_without_build_arguments(string createdBy, string instruction, params string[] shell)
    {
        var history = new { history = new object[] { new { created_by = createdBy }, new { created_by = "USER 1000", empty_layer = true } } };

        var layer = Assert.Single(Contents("a=5 b=1", JsonSerializer.Serialize(history), shell).Layers);

        Assert.Equal(new LayerFacts(6, 2, instruction), layer);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"history":[{"created_by":"RUN one"}]}""")] // one instruction, two layers
    [InlineData("""{"history":[{},{"created_by":null}]}""")]
    public void An_image_that_does_not_tell_the_instructions_has_none(string config) =>
        Assert.Equal([null, null], Contents("a=5 | b=1", config).Layers.Select(l => l.Instruction));

    /// <summary>The files that a container sees, as <c>docker export</c> has them, and those whose bytes an upper layer replaces or deletes.</summary>
    [Theory]
    [InlineData("a=5 | a=7 | a=9", "a=9", "a=12 in 2")]
    [InlineData("a=5 b=1 | .wh.a | a=2", "a=2 b=1", "a=5 in 1")]
    [InlineData("a=5 .wh.a", "a=5", "")] // a whiteout is for lower layers
    [InlineData("a=0 | .wh.a", "", "")] // nothing is lost
    [InlineData("a->b b=1 | .wh.a", "b=1", "")]
    [InlineData("d/ d/a=5 d/e/b=6 da=1 d.b=3 | .wh.d", "d.b=3 da=1", "d/e/b=6 in 1, d/a=5 in 1")] // names beside the folder stay
    [InlineData("d/e/a=5 | d/.wh.e f=1", "f=1", "d/e/a=5 in 1")]
    [InlineData("d/a=5 d/e/b=6 da=1 | d/c=2 d/.wh..wh..opq", "d/c=2 da=1", "d/e/b=6 in 1, d/a=5 in 1")]
    [InlineData("a=5 d/b=6 | .wh..wh..opq c=1", "c=1", "d/b=6 in 1, a=5 in 1")]
    [InlineData("d/ d/a=5 | d->e", "d=0", "d/a=5 in 1")] // a folder is replaced by a link, and a file by a folder
    [InlineData("d=5 | d/ d/a=6", "d/a=6", "d=5 in 1")]
    [InlineData("usr/bin/a=1 bin->usr/bin | bin/b=2", "bin/b=2 usr/bin/a=1", "")] // the folder bin takes the place of the link
    [InlineData("a=5 b=>a c->a | .wh.a", "b=5 c=0", "")]
    [InlineData("a=5 b=>a | a=6", "a=6 b=5", "")]
    [InlineData("a=5 b=>a c=>b | .wh.b | .wh.a", "c=5", "")]
    [InlineData("a=5 b=>a | .wh.a | .wh.b", "", "b=5 in 1")]
    public void A_container_sees_what_the_layers_leave_and_the_rest_is_wasted(string layers, string seen, string wasted)
    {
        var merged = new MergedLayers(Image(layers).Layers);

        Assert.Equal(seen, string.Join(' ', merged.Files.Values.Select(f => $"{f.Path}={f.Length}")));
        Assert.Equal(wasted, string.Join(", ", merged.Wasted.Select(w => $"{w.Path}={w.Bytes} in {w.Times}")));
    }

    [Fact]
    public void A_name_cannot_change_a_terminal_or_forge_a_line()
    {
        var contents = Contents("\x1b[2J\x1b[31mx=1 \u009b31my=2 a\n··setuid·or·setgid:·none=3 \u202etxt.exe=4");

        Assert.Equal(["?txt.exe", "a?··setuid·or·setgid:·none", "?31my", "?[2J?[31mx"], contents.LargestFiles.Select(f => f.Path));
    }

    [Fact]
    public void The_ten_largest_files_that_a_container_sees_are_named()
    {
        var contents = Contents($"{string.Join(' ', Enumerable.Range(10, 15).Select(i => $"f{i}={i}"))} big=99 | .wh.big");

        Assert.Equal(Enumerable.Range(15, 10).Reverse().Select(i => new FileFacts($"f{i}", i)), contents.LargestFiles);
        Assert.Equal(99, contents.WastedBytes);
    }

    [Theory]
    [InlineData(0b100_111_101_101, "app", "")]
    [InlineData(0b010_111_101_101, "app", "")]
    [InlineData(0b001_111_101_101, "", "")] // sticky
    [InlineData(0b000_110_110_110, "", "app")]
    public void Setuid_and_world_writable_files_are_named(int mode, string setUid, string worldWritable)
    {
        LayerEntry[] entries =
            [new("app", TarEntryType.RegularFile, 1, "", null, Mode: mode), new("link", TarEntryType.SymbolicLink, 0, "app", null, Mode: 0b111_111_111_111)];
        var image = new Archive(JsonSerializer.SerializeToElement(new { }), [new("sha256:1", 1, entries)]);

        var contents = ImageContents.Of(image, new(image.Layers));

        Assert.Equal((setUid, worldWritable), (string.Join(' ', contents.SetUid), string.Join(' ', contents.WorldWritable)));
    }

    /// <summary>An image of three layers with a hundred thousand files each. Looking at all files for each of them would take hours.</summary>
    [Fact]
    public void Many_files_are_merged_quickly()
    {
        LayerEntry[] entries = [.. Enumerable.Range(0, 100_000).Select(i => new LayerEntry($"usr/lib/{i % 1000}/file-{i}", TarEntryType.RegularFile, 1, "", null))];
        var clock = Stopwatch.StartNew();

        var merged = new MergedLayers([.. Enumerable.Repeat(new ImageLayer("sha256:1", 1, entries), 3)]);

        Assert.Equal((100_000, 200_000), (merged.Files.Count, merged.Wasted.Sum(w => w.Bytes)));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
    }

    /// <summary>Half of the layer cannot be compressed. Where it begins must not matter.</summary>
    [Fact]
    public async Task Samples_tell_how_well_a_large_layer_compresses_and_its_digest_is_exact()
    {
        var content = new byte[64 * 1024 * 1024];
        new Random(1).NextBytes(content.AsSpan(0, content.Length / 2));
        var layer = ImageArchiveBuilder.Layer("app", content);
        var (exact, sampled) = (await ReadLayerAsync(layer, sample: false), await ReadLayerAsync(layer, sample: true));

        Assert.Equal((exact.Digest, false, true), (sampled.Digest, exact.IsCompressedEstimated, sampled.IsCompressedEstimated));
        Assert.InRange((double)sampled.CompressedBytes / exact.CompressedBytes, 0.97, 1.03);
    }

    private static async Task<ImageLayer> ReadLayerAsync(byte[] layer, bool sample)
    {
        using var archive = new MemoryStream(ImageArchiveBuilder.Docker(layer).ToArray());
        return Assert.Single((await Archive.ReadAsync(archive, ImageArchiveTests.Machine, sample, CancellationToken.None)).Layers);
    }

    private static ImageContents Contents(string layers, string config = "{}", params string[] shell) =>
        ImageContents.Of(Image(layers, config), new(Image(layers).Layers), shell);
}
