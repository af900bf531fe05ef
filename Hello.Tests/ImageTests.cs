using System.Text;

namespace Hello.Tests;

/// <summary>What is in the images.</summary>
[Collection(HelloApplicationCollection.Name)]
#pragma warning disable CS9113 // The application has built the images.
public sealed class ImageTests(HelloApplication hello)
#pragma warning restore CS9113
{
    private const string PasswdLine = "appuser:x:10001:10001:App User:/:/sbin/nologin\n";

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task An_image_from_scratch_holds_these_files_and_no_other(HelloImage image)
    {
        var files = await ImageArchive.ReadFilesAsync(image.Reference);

        Assert.Equal(image.Files, files.Select(f => f.Path));
    }

    [Fact]
    public async Task The_user_costs_one_line_of_47_bytes()
    {
        var scratch = await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch");
        var nonroot = await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch-nonroot");

        Assert.Equal(PasswdLine, Encoding.ASCII.GetString(nonroot.Single(f => f.Path == "etc/passwd").Content));
        Assert.Equal(scratch.Sum(f => f.Content.Length) + 47, nonroot.Sum(f => f.Content.Length));
        Assert.Equal(scratch.Single().Content, nonroot.Single(f => f.Path == "hello-api").Content);
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task The_binary_is_static_and_stripped(HelloImage image)
    {
        var binary = (await ImageArchive.ReadFilesAsync(image.Reference)).Single(f => f.Path == "hello-api").Content;

        Assert.False(Elf.HasInterpreter(binary), "It asks for a dynamic loader.");
        Assert.False(Elf.HasSymbolTable(binary), "It carries its symbol table.");
    }

    [Theory]
    [MemberData(nameof(HelloImages.FromScratch), MemberType = typeof(HelloImages))]
    public async Task No_file_is_writable_by_others_or_setuid(HelloImage image)
    {
        const UnixFileMode Unwanted = UnixFileMode.OtherWrite | UnixFileMode.GroupWrite | UnixFileMode.SetUser | UnixFileMode.SetGroup;

        Assert.All(await ImageArchive.ReadFilesAsync(image.Reference), f => Assert.Equal(UnixFileMode.None, f.Mode & Unwanted));
    }

    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task The_configured_user_is(HelloImage image) =>
        Assert.Equal(image.User, await CommandLine.DockerAsync("image", "inspect", "--format", "{{.Config.User}}", image.Reference));
}
