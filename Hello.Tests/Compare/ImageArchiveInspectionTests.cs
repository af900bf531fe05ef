using static Hello.Tests.ImageArchiveBuilder;

namespace Hello.Tests;

/// <summary>An image that an engine saves is inspected for the engine's platform, and an error names the image.</summary>
[Trait("Needs", "Gnu")]
public sealed class ImageArchiveInspectionTests
{
    private const string Reference = "demo-app:test";

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
    [InlineData("amd64")]
    [InlineData("arm64")]
    public async Task Of_several_platforms_that_of_the_engine_is_inspected(string architecture)
    {
        var facts = await InspectAsync(ImageArchivePlatformTests.Build("linux/amd64 linux/arm64", new("nested")), architecture);

        Assert.Equal($"linux-{architecture}", Assert.Single(facts.Contents.LargestFiles).Path);
    }

    /// <summary>Inspects it with a program that answers as an engine does.</summary>
    private static async Task<ImageFacts> InspectAsync(ImageArchiveBuilder archive, string architecture)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var fake = await FakeEngine.CreateAsync("""
            case "$2" in
              inspect) cat image.json ;;
              save) cat image.tar ;;
            esac
            """);
        var folder = fake.Folder.FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "image.tar"), archive.ToArray(), limit.Token);
        var answer = $$"""[{"Id":"sha256:1","Os":"linux","Architecture":"{{architecture}}"}]""";
        await File.WriteAllTextAsync(Path.Combine(folder, "image.json"), answer, limit.Token);
        await File.WriteAllTextAsync(Path.Combine(folder, "Dockerfile-test"), "FROM scratch\n", limit.Token);
        using var inspector = new ImageInspector(fake.Engine);
        return await inspector.InspectImageAsync(Reference, HelloImage.Of(folder, "test").Dockerfile, limit.Token);
    }
}
