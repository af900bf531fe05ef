using Hello.Compare.Engine;
using Hello.Compare.Images;
using static Hello.Tests.ImageArchiveBuilder;

namespace Hello.Tests;

/// <summary>An image that an engine saves is inspected for the engine's platform, and an error names the image.</summary>
public sealed class ImageArchiveInspectionTests : IDisposable
{
    private const string Reference = "demo-app:test";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    /// <summary>What is done to the second layer.</summary>
    public static TheoryData<string, string> Damages => new()
    {
        { "missing", "it has no {0} (layer 2)" },
        { "cut", "{0} (layer 2): " },
        { "swapped", "layer 2 has the digest " },
        { "negative", "{0} (layer 2): the size of an entry is negative" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task The_error_about_a_damaged_layer_is_one_line_that_names_image_and_layer_and_says_what_to_do(string damage, string reason)
    {
        byte[][] layers = [Layer("a=1"), damage == "negative" ? RawTar.Tar(RawTar.Pax("size=-1"), RawTar.Entry("a")) : Layer("b=2")];
        var builder = Stored(layers, [.. layers.Select(Zstd)]);
        var name = BlobName(Zstd(layers[1]));
        builder.Files[name] = damage switch
        {
            "cut" => builder.Files[name][..^9],
            "swapped" => builder.Files[BlobName(Zstd(layers[0]))],
            _ => builder.Files[name],
        };
        if (damage == "missing")
        {
            builder.Files.Remove(name);
        }

        var message = (await Assert.ThrowsAsync<MeasurementException>(() => InspectAsync(builder, "amd64"))).Message;
        Assert.StartsWith($"{Reference} cannot be inspected. The image's archive ", message, StringComparison.Ordinal);
        Assert.Contains(string.Format(null, reason, name), message, StringComparison.Ordinal);
        Assert.EndsWith($" image rm {Reference}', and build or pull it again.", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("amd64", 1)]
    [InlineData("arm64", 2)]
    [InlineData("s390x", 1)]
    public async Task Of_several_platforms_that_of_the_engine_is_inspected(string architecture, int bytes)
    {
        var builder = new ImageArchiveBuilder();
        object[] images = [.. new[] { ("amd64", "a=1"), ("arm64", "a=12") }.Select(i => new
        {
            builder.AddBlob(ManifestOf(builder, Layer(i.Item2))).digest,
            platform = new { os = "linux", architecture = i.Item1 },
        })];
        builder.Files["index.json"] = Json(new { manifests = images });

        Assert.Equal(bytes, (await InspectAsync(builder, architecture)).UnpackedBytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    private static byte[] ManifestOf(ImageArchiveBuilder builder, byte[] layer) => Json(new
    {
        config = builder.AddBlob(Json(new { rootfs = new { type = "layers", diff_ids = new[] { Digest(layer) } } })),
        layers = new[] { builder.AddBlob(Zstd(layer)) },
    });

    /// <summary>Inspects it with a program that answers as an engine does.</summary>
    private async Task<ImageFacts> InspectAsync(ImageArchiveBuilder archive, string architecture)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var program = Path.Combine(_folder.FullName, "engine");
        await File.WriteAllBytesAsync($"{program}.tar", archive.ToArray(), limit.Token);
        await File.WriteAllTextAsync($"{program}.json", $$"""[{"Id":"sha256:1","Os":"linux","Architecture":"{{architecture}}"}]""", limit.Token);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "Dockerfile-test"), "FROM scratch\n", limit.Token);
        await File.WriteAllTextAsync(program, """
            #!/bin/sh
            case "$2" in
              inspect) cat "$0.json" ;;
              save) cat "$0.tar" ;;
            esac
            """, limit.Token);
        await CommandLine.RunAsync("chmod", "+x", program);
        using var inspector = new ImageInspector(new ContainerEngine(program));
        return await inspector.InspectImageAsync(Compare.Images.HelloImage.Of(_folder.FullName, "test"), Reference, limit.Token);
    }
}
