namespace Hello.Compare.Images;

/// <summary>A layer of an image.</summary>
/// <param name="Instruction">The instruction of the Dockerfile that made it; null if the image does not name it.</param>
public sealed record LayerFacts(long Bytes, int Files, string? Instruction);

/// <summary>A file of an image.</summary>
/// <param name="Path">The path without a slash in front.</param>
public sealed record FileFacts(string Path, long Bytes);

/// <summary>The layers of an image with their sizes, and the files in it that deserve a look.</summary>
/// <param name="Layers">From the base upwards.</param>
/// <param name="WastedBytes">Sum of the wasted bytes of all files, also of those that the list leaves out.</param>
/// <param name="SetUid">The files that run with the rights of their owner or group: inode(7).</param>
/// <param name="WorldWritable">The files that every user may change.</param>
/// <param name="IsCompressedEstimated">Whether the compressed size is an estimate from samples.</param>
public sealed partial record ImageContents(
    IReadOnlyList<LayerFacts> Layers,
    IReadOnlyList<FileFacts> LargestFiles,
    IReadOnlyList<WastedFile> Wasted,
    long WastedBytes,
    IReadOnlyList<string> SetUid,
    IReadOnlyList<string> WorldWritable,
    bool IsCompressedEstimated)
{
    /// <summary>How many files a list names.</summary>
    public const int ListLength = 10;

    private const int SetUidBits = 0b110_000_000_000;

    private const int OthersMayWrite = 0b010;

    /// <param name="shell">The words of the image's <c>SHELL</c>; none if it has the usual one.</param>
    internal static ImageContents Of(ImageArchive archive, MergedLayers merged, params string[] shell)
    {
        // The instructions of empty layers are left out. If the numbers still differ, the image does not tell which made which.
        var instructions = InstructionsOf(archive.Config, ["/bin/sh -c", .. shell.Length > 0 ? [string.Join(' ', shell)] : Array.Empty<string>()]);
        var areAll = instructions.Length == archive.Layers.Count;
        LayerEntry[] files = [.. merged.Files.Values.Where(f => f.IsFile)];
        return new(
            [.. archive.Layers.Select((layer, i) => new LayerFacts(layer.UnpackedBytes, layer.Entries.Count(e => e.IsFile), areAll ? instructions[i] : null))],
            [
                .. files.Where(f => f.Length > 0).OrderByDescending(f => f.Length).ThenBy(f => f.Path, StringComparer.Ordinal).Take(ListLength)
                    .Select(f => new FileFacts(PlainText.Clean(f.Path), f.Length)),
            ],
            [.. merged.Wasted.Take(ListLength).Select(w => w with { Path = PlainText.Clean(w.Path) })],
            merged.Wasted.Sum(w => w.Bytes),
            [.. files.Where(f => (f.Mode & SetUidBits) != 0).Select(f => PlainText.Clean(f.Path))],
            [.. files.Where(f => (f.Mode & OthersMayWrite) != 0).Select(f => PlainText.Clean(f.Path))],
            archive.Layers.Any(layer => layer.IsCompressedEstimated));
    }

    /// <summary>Reads <c>{"history":[{"created_by":"RUN /bin/sh -c make # buildkit"},{"created_by":"USER 1000","empty_layer":true}]}</c>.</summary>
    private static string?[] InstructionsOf(JsonElement config, string[] shells) =>
        ImageFacts.Member(config, "history") is { ValueKind: JsonValueKind.Array } history
            ? [.. history.EnumerateArray().Where(step => ImageFacts.Member(step, "empty_layer")?.ValueKind != JsonValueKind.True)
                .Select(step => ImageFacts.Member(step, "created_by") is { ValueKind: JsonValueKind.String } by ? Tidy(by.GetString()!, shells) : null)]
            : [];

    /// <summary>The instruction as it stands in a Dockerfile. Build arguments, which may be secret, are left out.</summary>
    /// <remarks>
    /// Builders write <c>/bin/sh -c #(nop) COPY file:4b5a in /</c>, <c>/bin/sh -c make</c>, <c>RUN |1 TOKEN=abc /bin/sh -c make # buildkit</c>.
    /// </remarks>
    private static string Tidy(string createdBy, string[] shells)
    {
        var text = WhiteSpace().Replace(createdBy, " ").Trim();
        text = text.EndsWith(" # buildkit", StringComparison.Ordinal) ? text[..^" # buildkit".Length] : text;
        var run = text.StartsWith("RUN ", StringComparison.Ordinal) ? text["RUN ".Length..] : text;
        if (run.StartsWith('|'))
        {
            // A value may have spaces, and the words of a shell, in it. So only what is behind the last shell is none.
            var end = shells.Max(shell => run.LastIndexOf($" {shell} ", StringComparison.Ordinal) is >= 0 and var at ? at + shell.Length + 2 : -1);
            return end < 0 ? "RUN (with build arguments, which are not shown)" : $"RUN {run[end..]}";
        }

        return shells.FirstOrDefault(shell => run.StartsWith($"{shell} ", StringComparison.Ordinal)) is not { } own ? text
            : run[(own.Length + 1)..].Trim() is var rest && rest.StartsWith("#(nop)", StringComparison.Ordinal) ? rest["#(nop)".Length..].Trim() : $"RUN {rest}";
    }

    [GeneratedRegex(@"[\s\p{C}]+")]
    private static partial Regex WhiteSpace();
}
