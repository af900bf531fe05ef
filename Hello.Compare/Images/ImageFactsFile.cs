using System.Text.Json;

namespace Hello.Compare.Images;

/// <summary>Remembers the facts of images from one program to the next, because reading a large image takes seconds.</summary>
/// <param name="path">The file. It may be missing, and it may be deleted at any time.</param>
public sealed class ImageFactsFile(string path)
{
    /// <summary>How many images it remembers. Images that were built earlier are hardly inspected again.</summary>
    public const int Capacity = 32;

    /// <summary>Another build of this assembly may read other facts from the same image.</summary>
    private static readonly Guid Reader = typeof(ImageFacts).Module.ModuleVersionId;

    /// <summary>A file in which a member is missing is damaged.</summary>
    private static readonly JsonSerializerOptions Strict = new() { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    /// <summary>The facts of an image; null if they are not known.</summary>
    /// <param name="id">The image's ID, which always means the same image.</param>
    public ImageFacts? Find(string id) => Read().LastOrDefault(i => i.Id == id)?.Facts;

    /// <summary>Adds an image. A program that adds another one at the same time may undo this.</summary>
    public void Add(string id, ImageFacts facts)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(new Content(Reader, [.. Read().Append(new(id, facts)).TakeLast(Capacity)]), Strict));
            File.Move(temporary, path, overwrite: true); // no program sees half a file
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next program reads the image again.
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    private IReadOnlyList<KnownImage> Read()
    {
        try
        {
            return JsonSerializer.Deserialize<Content>(File.ReadAllBytes(path), Strict) is { } content && content.Reader == Reader ? content.Images : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }

    private sealed record Content(Guid Reader, IReadOnlyList<KnownImage> Images);

    private sealed record KnownImage(string Id, ImageFacts Facts);
}
