using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>The next program knows the facts of an image. If the file cannot be used, the program only needs longer.</summary>
public sealed class ImageFactsFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    private static string Reader => typeof(ImageFacts).Module.ModuleVersionId.ToString();

    private string PathOfFile => Path.Combine(_folder.FullName, "artifacts", "image-facts.json");

    [Fact]
    public void Another_program_finds_what_one_has_added_and_nothing_else()
    {
        new ImageFactsFile(PathOfFile).Add("sha256:1", Facts(1));
        new ImageFactsFile(PathOfFile).Add("sha256:2", Facts(2));

        Assert.Equivalent(Facts(1), new ImageFactsFile(PathOfFile).Find("sha256:1"), strict: true);
        Assert.Equivalent(Facts(2), new ImageFactsFile(PathOfFile).Find("sha256:2"), strict: true);
        Assert.Null(new ImageFactsFile(PathOfFile).Find("sha256:3"));
    }

    [Fact]
    public void It_forgets_the_images_that_were_added_first()
    {
        var file = new ImageFactsFile(PathOfFile);
        for (var i = 0; i <= ImageFactsFile.Capacity; i++)
        {
            file.Add($"sha256:{i}", Facts(i));
        }

        Assert.Null(file.Find("sha256:0"));
        Assert.Equal(1, file.Find("sha256:1")?.UnpackedBytes);
        Assert.Equal(ImageFactsFile.Capacity, file.Find($"sha256:{ImageFactsFile.Capacity}")?.UnpackedBytes);
    }

    [Fact]
    public async Task Facts_that_another_build_of_the_program_has_read_are_not_used()
    {
        var file = new ImageFactsFile(PathOfFile);
        file.Add("sha256:1", Facts(1));
        await File.WriteAllTextAsync(PathOfFile, (await File.ReadAllTextAsync(PathOfFile)).Replace(Reader, Guid.NewGuid().ToString(), StringComparison.Ordinal));

        Assert.Null(file.Find("sha256:1"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"Reader":"none","Images":[]}""")]
    [InlineData("""{"Reader":"READER"}""")]
    [InlineData("""{"Reader":"READER","Images":null}""")]
    [InlineData("""{"Reader":"READER","Images":[{"Id":"sha256:1","Facts":null}]}""")]
    [InlineData("""{"Reader":"READER","Images":[{"Id":"sha256:1","Facts":{"UnpackedBytes":1}}]}""")]
    public async Task A_damaged_file_is_replaced(string content)
    {
        ArgumentNullException.ThrowIfNull(content);
        Directory.CreateDirectory(Path.GetDirectoryName(PathOfFile)!);
        await File.WriteAllTextAsync(PathOfFile, content.Replace("READER", Reader, StringComparison.Ordinal));
        var file = new ImageFactsFile(PathOfFile);

        Assert.Null(file.Find("sha256:1"));
        file.Add("sha256:1", Facts(1));
        Assert.Equal(1, file.Find("sha256:1")?.UnpackedBytes);
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_fails_nothing_and_leaves_nothing()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "artifacts"), "a file in place of the folder");
        var file = new ImageFactsFile(PathOfFile);
        file.Add("sha256:1", Facts(1));

        Assert.Null(file.Find("sha256:1"));
        Assert.Single(_folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public async Task Programs_that_add_at_the_same_time_leave_a_whole_file()
    {
        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => new ImageFactsFile(PathOfFile).Add($"sha256:{i}", Facts(i)))));

        Assert.Contains(Enumerable.Range(0, 64), i => new ImageFactsFile(PathOfFile).Find($"sha256:{i}")?.UnpackedBytes == i);
        Assert.Equal([PathOfFile], Directory.EnumerateFiles(Path.GetDirectoryName(PathOfFile)!));
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    private static ImageFacts Facts(long bytes) => new(bytes, bytes / 2, 1, 2, "root", ["sh"], ["apk"], true, "scratch", ["base"], "linux/amd64", [8080], new([new(bytes, 2, "COPY app /")], [new("app", bytes)], [], 0, [], [], false));
}
