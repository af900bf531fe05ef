using static Hello.Tests.ImageArchiveBuilder;

namespace Hello.Tests;

/// <summary>The files that are counted are those of the engine's own file system: <c>docker export</c>.</summary>
[Trait("Needs", "Engine")]
public sealed class MergedLayersTests
{
    /// <summary>Layers, as <see cref="Layer(string, TarEntryFormat)"/> has them. All is in one folder, because the engine adds files of its own.</summary>
    private static readonly string[] Images =
    [
        "t/ t/a=1 t/b=22 | t/.wh.a t/c=333",
        "t/ t/a=1 | t/.wh.a | t/a=22",
        "t/ t/d/ t/d/a=1 t/d/e/ t/d/e/b=22 t/da=333 | t/.wh.d",
        "t/ t/d/ t/d/a=1 t/d/e/ t/d/e/b=22 | t/d/ t/d/.wh..wh..opq t/d/c=333",
        "t/ t/d/ t/d/a=1 | t/d=22",
        "t/ t/d=1 | t/d/ t/d/a=22",
        "t/ t/usr/ t/usr/bin/ t/usr/bin/sh=1 t/bin->usr/bin | t/bin/tool=22",
        "t/ t/usr/ t/usr/bin/ t/usr/bin/sh=1 t/bin->usr/bin | t/bin/ t/bin/tool=22",
        "t/ t/a=1 t/b=>t/a | t/.wh.a",
        "t/ t/a=1 t/b=>t/a | t/a=22",
        "t/ t/a->b t/b=1 | t/.wh.a",
        "t/ t/a=1 | t/b/c/d=22",
    ];

    [Fact]
    public async Task A_container_sees_the_files_that_the_engine_exports()
    {
        foreach (var layers in Images)
        {
            var archive = Docker([.. layers.Split('|').Select(layer => Layer(layer))]);
            var exported = await ExportAsync(archive);
            var merged = new MergedLayers((await ImageArchiveTests.ReadAsync(archive)).Layers).Files.Values
                .Select(f => (f.Path, Link: LinkOf(f.Type, f.Target), f.Length)).ToArray();

            Assert.Equal($"{layers}: {Describe(exported)}", $"{layers}: {Describe(merged)}");
        }

        static string Describe((string Path, string Link, long Length)[] files) =>
            $"{string.Join(' ', files.Select(f => f.Path + f.Link).Order(StringComparer.Ordinal))}, {files.Sum(f => f.Length)} bytes";
    }

    private static async Task<(string Path, string Link, long Length)[]> ExportAsync(ImageArchiveBuilder archive)
    {
        using var folder = new TempFolder();
        var (image, tar) = (Path.Combine(folder.FullName, "image"), Path.Combine(folder.FullName, "files"));
        var (id, container) = ("", "");
        try
        {
            await File.WriteAllBytesAsync(image, archive.ToArray());
            id = (await CommandLine.DockerAsync("image", "load", "--quiet", "--input", image)).Split("ID: ")[1];
            container = await CommandLine.DockerAsync("container", "create", id, "nothing");
            await CommandLine.DockerAsync("container", "export", "--output", tar, container);
            await using var reader = new TarReader(File.OpenRead(tar));
            List<(string Path, string Link, long Length)> files = [];
            while (await reader.GetNextEntryAsync() is { } entry)
            {
                if (entry.Name.StartsWith("t/", StringComparison.Ordinal) && entry.EntryType != TarEntryType.Directory)
                {
                    files.Add((entry.Name, LinkOf(entry.EntryType, entry.LinkName), entry.Length));
                }
            }

            return [.. files];
        }
        finally
        {
            await CommandLine.TryAsync("docker", "container", "rm", container);
            await CommandLine.TryAsync("docker", "image", "rm", id);
        }
    }

    private static string LinkOf(TarEntryType type, string target) => type == TarEntryType.SymbolicLink ? $"->{target}" : "";
}
