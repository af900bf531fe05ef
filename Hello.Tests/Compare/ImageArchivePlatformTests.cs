using static Hello.Tests.ImageArchiveBuilder;
using static Hello.Tests.ImageArchiveTests;

namespace Hello.Tests;

/// <summary>Of the platforms that containerd's image store saves, the right one is read.</summary>
public sealed class ImageArchivePlatformTests
{
    /// <summary>How the index and the configurations name images.</summary>
    /// <param name="Folders">index.json names the images; or an index that names them; or an index that names indexes with an image each.</param>
    /// <param name="IsUnnamed">The index does not say the platforms, and only the configurations do.</param>
    /// <param name="IsAttested">An attestation is in front of each image, as BuildKit makes it.</param>
    /// <param name="HasManifest">manifest.json names the first image that is there.</param>
    internal sealed record Form(string Folders, bool IsUnnamed = false, bool IsAttested = false, bool HasManifest = false);

    [Theory]
    [InlineData(false, "linux/amd64", "amd64")]
    [InlineData(false, "linux/386", "amd64")]
    [InlineData(false, "linux/arm/v7", "arm64")]
    [InlineData(true, "linux/arm/v7", "amd64")]
    [InlineData(true, "linux/amd64", "arm64")]
    public void A_machine_emulates_every_processor_but_its_own_and_its_ancestor(bool isEmulated, string platform, string machine) =>
        Assert.Equal(isEmulated, ImagePlatform.IsEmulated(platform, machine));

    private static readonly Form[] Forms =
    [
        .. from folders in (string[])["flat", "nested", "deep"]
           from unnamed in (bool[])[false, true]
           from attested in (bool[])[false, true]
           from manifest in (bool[])[false, true]
           select new Form(folders, unnamed, attested, manifest),
    ];

    /// <summary>The platforms in an archive, the platform asked for, and the one read.</summary>
    /// <remarks>A minus marks a platform that the index names and the archive lacks. A tilde marks one of which the archive has only the manifest.</remarks>
    [Theory]
    [InlineData("linux/amd64 linux/arm64/v8", "linux/arm64", "linux/arm64/v8")]
    [InlineData("linux/arm64 linux/s390x windows/amd64 linux/amd64", "linux/amd64", "linux/amd64")]
    [InlineData("linux/arm/v5 linux/arm/v7", "linux/arm", "linux/arm/v7")]
    [InlineData("linux/amd64 linux/arm/v6", "linux/arm/v7", "linux/arm/v6")]
    [InlineData("linux/s390x linux/arm64", "linux/amd64", "linux/s390x")] // that of the machine is not there
    [InlineData("~linux/amd64 linux/arm64", "linux/amd64", "linux/arm64")]
    [InlineData("-linux/amd64 ~linux/s390x -linux/arm/v7 linux/arm64", "linux/amd64", "linux/arm64")]
    [InlineData("~linux/arm64 linux/amd64 -linux/s390x", "linux/amd64", "linux/amd64")] // the others were not pulled
    public async Task The_platform_asked_for_is_read_or_else_the_one_that_is_there(string platforms, string wanted, string read)
    {
        foreach (var form in Forms)
        {
            using var stream = new MemoryStream(Build(platforms, form).ToArray());
            var (archive, error) = await TryAsync(stream, Parse(wanted));

            Assert.Equal($"{form}: {read.Replace('/', '-')}", $"{form}: {error ?? archive!.Layers.Single().Entries.Single().Path}");
            Assert.Equal(Parse(read).Architecture, archive!.Config.GetProperty("architecture").GetString());
        }
    }

    [Fact]
    public async Task A_missing_layer_of_the_platform_asked_for_is_an_error()
    {
        var builder = Build("linux/arm64 linux/amd64", new("nested"));
        builder.Files.Remove(BlobName(Gzip(LayerOf("linux/amd64"))));

        Assert.Contains(" (layer 1)", await ErrorAsync(builder), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("~linux/amd64")]
    [InlineData("-linux/amd64 ~linux/arm64")]
    public async Task An_archive_without_any_of_its_platforms_is_a_clear_error(string platforms)
    {
        foreach (var form in (Form[])[new("flat"), new("nested", IsAttested: true), new("deep", IsUnnamed: true)])
        {
            var error = await ErrorAsync(Build(platforms, form));
            Assert.StartsWith("The image's archive is damaged or cut short: it has no blobs/sha256/", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"artifactType":"application/vnd.docker.attestation.manifest.v1+json"}""", "{}")]
    [InlineData("""{"platform":{"os":"unknown","architecture":"unknown"}}""", "{}")]
    [InlineData("{}", """{"artifactType":"application/spdx+json","config":{"digest":"sha256:0"},"layers":[]}""")]
    [InlineData("{}", """{"config":{"digest":"sha256:0","mediaType":"application/vnd.oci.empty.v1+json"},"layers":[]}""")]
    [InlineData("{}", """{"config":{"digest":"sha256:1"},"layers":[]}""")]
    public async Task What_is_no_image_is_passed_over(string descriptor, string manifest)
    {
        var builder = Build("linux/amd64", new("flat"));
        builder.Files["blobs/sha256/0"] = "{}"u8.ToArray();
        builder.Files["blobs/sha256/1"] = """{"os":"unknown","architecture":"unknown","rootfs":{"diff_ids":[]}}"""u8.ToArray();
        var blob = builder.AddBlob(Encoding.UTF8.GetBytes(manifest));
        var index = Encoding.UTF8.GetString(builder.Files["index.json"]);
        var other = $$"""{"digest":"{{blob.digest}}"{{(descriptor == "{}" ? "}" : $",{descriptor[1..]}")}}""";
        foreach (var both in (string[])[index.Replace("[", $"[{other},", StringComparison.Ordinal), index.Replace("]", $",{other}]", StringComparison.Ordinal)])
        {
            builder.Files["index.json"] = Encoding.UTF8.GetBytes(both);
            Assert.Equal("linux-amd64", (await ReadAsync(builder)).Layers.Single().Entries.Single().Path);
        }
    }

    internal static ImageArchiveBuilder Build(string platforms, Form form)
    {
        var archive = new ImageArchiveBuilder();
        List<object> images = [];
        object? manifestJson = null;
        foreach (var name in platforms.Split(' '))
        {
            var platform = Parse(name.TrimStart('-', '~'));
            var named = new { os = platform.Os, architecture = platform.Architecture, variant = platform.Variant };
            var layer = LayerOf(name.TrimStart('-', '~'));
            var config = Json(new { named.os, named.architecture, named.variant, rootfs = new { type = "layers", diff_ids = new[] { Digest(layer) } } });
            var stored = name.EndsWith("64", StringComparison.Ordinal) ? Gzip(layer) : Zstd(layer);
            var descriptor = new { digest = Digest(config), mediaType = "application/vnd.oci.image.config.v1+json" };
            var manifest = Json(new { config = descriptor, layers = new[] { new { digest = Digest(stored) } } });
            if (form.IsAttested)
            {
                var unknown = new { os = "unknown", architecture = "unknown", rootfs = new { type = "layers", diff_ids = Array.Empty<string>() } };
                images.Add(archive.AddBlob(Json(new { config = archive.AddBlob(Json(unknown)), layers = Array.Empty<object>(), subject = Digest(manifest) })));
            }

            object image = form.IsUnnamed ? new { digest = Digest(manifest) } : new { digest = Digest(manifest), platform = named };
            images.Add(form.Folders == "deep" ? archive.AddBlob(Json(new { manifests = new[] { image } })) : image);
            if (name[0] != '-')
            {
                archive.AddBlob(manifest);
            }

            if (name[0] is not ('-' or '~'))
            {
                archive.AddBlob(config);
                archive.AddBlob(stored);
                manifestJson ??= new { Config = BlobName(config), Layers = new[] { BlobName(stored) } };
            }
        }

        archive.Files["index.json"] = Json(new { manifests = form.Folders != "flat" ? [archive.AddBlob(Json(new { manifests = images }))] : images });
        if (form.HasManifest && manifestJson is not null)
        {
            archive.Files["manifest.json"] = Json(new[] { manifestJson });
        }

        return archive;
    }

    private static byte[] LayerOf(string platform) => Layer($"{platform.Replace('/', '-')}=1");

    private static ImagePlatform Parse(string platform) => platform.Split('/') switch
    {
        [var os, var architecture, var variant] => new(os, architecture, variant),
        [var os, var architecture] => new(os, architecture),
        _ => throw new ArgumentException(platform, nameof(platform)),
    };
}
