using System.Text;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Compare.Comparison;

/// <summary>What the bytes of an image are, in lines for a terminal.</summary>
internal static class ImageContentsText
{
    /// <summary>How much of an instruction a line has room for.</summary>
    private const int InstructionLength = 90;

    /// <summary>Lists layers, largest files, wasted files and files that deserve a look.</summary>
    public static string Write(Measurements image)
    {
        if (image.Image?.Contents is not { } contents)
        {
            return "";
        }

        var text = new StringBuilder(image.Name).Append('\n');
        Add("layers", contents.Layers.Select(l => (Format.Bytes(l.Bytes), Shorten(l.Instruction))));
        Add("largest files", contents.LargestFiles.Select(f => (Format.Bytes(f.Bytes), f.Path)));
        Add(contents.WastedBytes == 0 ? "wasted: nothing" : $"wasted: {Format.Bytes(contents.WastedBytes)} that no container sees", contents.Wasted.Select(w => (Format.Bytes(w.Bytes), $"{w.Path}{(w.Times > 1 ? Format.Invariant($", {w.Times} times") : "")}")));
        Add("setuid or setgid", FirstOf(contents.SetUid.Select(path => ("", path))));
        Add("writable by every user", FirstOf(contents.WorldWritable.Select(path => ("", path))));
        return text.ToString();

        void Add(string title, IEnumerable<(string Size, string What)> lines)
        {
            text.Append("  ").Append(title).Append(title.Contains(':', StringComparison.Ordinal) ? "\n" : lines.Any() ? ":\n" : ": none\n");
            foreach (var (size, what) in lines)
            {
                text.Append("    ").Append(size.PadLeft(size.Length == 0 ? 0 : 9)).Append(size.Length == 0 ? "" : "  ").Append(what).Append('\n');
            }
        }
    }

    /// <summary>The first lines of a list, and how many more there are.</summary>
    internal static IReadOnlyList<(string Size, string What)> FirstOf(IEnumerable<(string Size, string What)> lines)
    {
        var all = lines.ToArray();
        return all.Length <= ImageContents.ListLength ? all : [.. all.Take(ImageContents.ListLength), ("", Format.Invariant($"and {all.Length - ImageContents.ListLength} more"))];
    }

    /// <summary>The instruction, not longer than a line; a word if the image does not tell it.</summary>
    internal static string Shorten(string instruction) => instruction.Length == 0 ? "(not told)" : instruction.Length <= InstructionLength ? instruction : $"{instruction[..InstructionLength]} …";
}
