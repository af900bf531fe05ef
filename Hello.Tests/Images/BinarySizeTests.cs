using System.Runtime.InteropServices;

namespace Hello.Tests;

/// <summary>The native binary has no more bytes than its platform's limit. What has grown is on docs/size.md.</summary>
[Trait("Needs", "Engine")]
public sealed class BinarySizeTests(HelloApplication hello) : IClassFixture<HelloApplication>
{
    /// <summary>The most bytes by runtime identifier. Those of glibc are 2 % above what was measured, those of musl are the images' own limit.</summary>
    private static readonly Dictionary<string, long> Limits = new()
    {
        ["linux-x64"] = 10_650_000,
        ["linux-arm64"] = 10_750_000,
        ["linux-musl-x64"] = 12_000_000,
        ["linux-musl-arm64"] = 12_000_000,
    };

    [Fact]
    public async Task The_binary_keeps_the_limit_of_its_platform()
    {
        var image = HelloImages.Specification.First(i => i.Files is not null);
        var binary = (await ImageArchive.ReadFilesAsync(hello.ImageId(image))).Single(f => f.Path == "hello-api").Content;
        // glibc reads this variable in every program, musl in none: ld.so(8).
        var libc = binary.AsSpan().IndexOf("GLIBC_TUNABLES"u8) < 0 ? "musl-" : "";
        var platform = $"linux-{libc}{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";

        Assert.True(Limits.TryGetValue(platform, out var limit), Format.Invariant($"No limit is written for {platform}. The binary has {binary.Length:N0} bytes."));
        Assert.True(binary.Length <= limit, Format.Invariant($"The binary has {binary.Length:N0} bytes, more than the {limit:N0} for {platform}."));
    }
}
