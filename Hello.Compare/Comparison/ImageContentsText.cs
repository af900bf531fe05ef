namespace Hello.Compare.Comparison;

/// <summary>The contents of an image, in lists for a reader.</summary>
internal static class ImageContentsText
{
    private const int InstructionLength = 90;

    /// <summary>Layers, largest files, wasted files and files that deserve a look: a title, and lines of a size and a text.</summary>
    public static IReadOnlyList<(string Title, IReadOnlyList<(string Size, string What)> Lines)> Lists(ImageContents contents) =>
    [
        ("layers", [.. contents.Layers.Select(l => (Format.Bytes(l.Bytes), PlainText.Shorten(l.Instruction ?? "(unknown)", InstructionLength)))]),
        ("largest files", [.. contents.LargestFiles.Select(f => (Format.Bytes(f.Bytes), f.Path))]),
        (
            contents.WastedBytes == 0 ? "wasted" : $"wasted, {Format.Bytes(contents.WastedBytes)} that no container sees",
            [.. contents.Wasted.Select(w => (Format.Bytes(w.Bytes), w.Times > 1 ? Format.Invariant($"{w.Path}, {w.Times} times") : w.Path))]
        ),
        ("setuid or setgid", FirstOf(contents.SetUid)),
        ("writable by every user", FirstOf(contents.WorldWritable)),
    ];

    public static string Write(Measurements image)
    {
        var text = new StringBuilder(image.Name).Append('\n');
        foreach (var (title, lines) in image.Image is { } facts ? Lists(facts.Contents) : [])
        {
            text.Append("  ").Append(title).Append(lines.Count > 0 ? ":\n" : ": none\n");
            foreach (var (size, what) in lines)
            {
                text.Append("    ").Append(size.PadLeft(size.Length == 0 ? 0 : 9)).Append(size.Length == 0 ? "" : "  ").Append(what).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>The first of some paths, and how many more there are.</summary>
    private static IReadOnlyList<(string Size, string What)> FirstOf(IReadOnlyList<string> paths)
    {
        var more = paths.Count - ImageContents.ListLength;
        return [.. paths.Take(ImageContents.ListLength).Concat(more > 0 ? [Format.Invariant($"and {more} more")] : []).Select(path => ("", path))];
    }
}
