namespace Hello.Compare.Images;

/// <summary>A file whose bytes are in the image, but which no container sees, because an upper layer replaces or deletes it.</summary>
/// <param name="Bytes">Sum of the contents that no container sees.</param>
/// <param name="Times">The number of layers that have such a content.</param>
public sealed record WastedFile(string Path, long Bytes, int Times);

/// <summary>The layers of an image laid over each other, as a container sees them.</summary>
internal sealed class MergedLayers
{
    private readonly Dictionary<string, LayerEntry> _files = new(StringComparer.Ordinal);

    /// <summary>The same paths, sorted, so that the paths in a folder can be found quickly.</summary>
    private readonly SortedSet<string> _paths = new(StringComparer.Ordinal);

    private readonly Dictionary<string, WastedFile> _wasted = new(StringComparer.Ordinal);

    /// <summary>The other names of a file with hard links, by one name. Its bytes count under one of them.</summary>
    private readonly Dictionary<string, HashSet<string>> _names = new(StringComparer.Ordinal);

    public MergedLayers(IReadOnlyList<ImageLayer> layers)
    {
        foreach (var layer in layers)
        {
            // https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
            foreach (var (whiteout, directory) in layer.Entries.Select(e => (NameOf(e.Path), DirectoryOf(e.Path))).Where(e => IsWhiteout(e.Item1)))
            {
                RemoveBelow(whiteout == ".wh..wh..opq" ? directory : Join(directory, whiteout[".wh.".Length..]));
                Remove(Join(directory, whiteout[".wh.".Length..]));
            }

            foreach (var entry in layer.Entries.Where(e => !IsWhiteout(NameOf(e.Path))))
            {
                if (entry.Type == TarEntryType.Directory)
                {
                    Remove(entry.Path); // a directory may replace a file
                    continue;
                }

                RemoveBelow(entry.Path); // and a file may replace a directory
                for (var folder = DirectoryOf(entry.Path); folder.Length > 0; folder = DirectoryOf(folder))
                {
                    Remove(folder); // the engine makes a directory of it, also in place of a link
                }

                // A hard link keeps its content, even if an upper layer changes or deletes its target.
                var original = ImageLayer.Normalize(entry.Target);
                var added = entry.Type is TarEntryType.HardLink && original != entry.Path && _files.TryGetValue(original, out var target)
                    ? target with { Path = entry.Path, Length = 0 }
                    : entry;
                Remove(entry.Path);
                _files.Add(entry.Path, added);
                _paths.Add(entry.Path);
                if (added != entry)
                {
                    _names.TryAdd(original, [original]);
                    _names[entry.Path] = _names[original];
                    _names[original].Add(entry.Path);
                }
            }
        }

        Files = new SortedDictionary<string, LayerEntry>(_files, StringComparer.Ordinal);
        Wasted = [.. _wasted.Values.OrderByDescending(w => w.Bytes).ThenBy(w => w.Path, StringComparer.Ordinal)];
    }

    /// <summary>The files and links that a container sees, by path. An upper layer replaces and deletes files of the lower ones.</summary>
    public IReadOnlyDictionary<string, LayerEntry> Files { get; }

    /// <summary>The files whose bytes no container sees, the largest first. Empty files are left out.</summary>
    public IReadOnlyList<WastedFile> Wasted { get; }

    private void Remove(string path)
    {
        if (_files.Remove(path, out var removed))
        {
            _paths.Remove(path);
            if (_names.Remove(path, out var names) && names.Remove(path) && names.FirstOrDefault() is { } other)
            {
                // A container still sees the content, under another name.
                _files[other] = _files[other] with { Length = _files[other].Length + removed.Length };
            }
            else if (removed.Length > 0)
            {
                var before = _wasted.GetValueOrDefault(path) ?? new(path, 0, 0);
                _wasted[path] = before with { Bytes = before.Bytes + removed.Length, Times = before.Times + 1 };
            }
        }
    }

    private void RemoveBelow(string directory)
    {
        // In the order of their characters, the paths in a folder are those between "folder/" and "folder0".
        var below = directory.Length == 0 ? _paths : _paths.GetViewBetween($"{directory}/", $"{directory}0");
        Array.ForEach([.. below.Where(path => directory.Length == 0 || path.StartsWith($"{directory}/", StringComparison.Ordinal))], Remove);
    }

    private static bool IsWhiteout(string name) => name.StartsWith(".wh.", StringComparison.Ordinal);

    private static string DirectoryOf(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string Join(string directory, string name) => directory.Length == 0 ? name : $"{directory}/{name}";
}
