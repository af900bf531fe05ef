namespace Hello.Compare.Images;

/// <summary>Finds files in an image as a process in its container does.</summary>
internal sealed class ImageFileSystem(IReadOnlyDictionary<string, LayerEntry> files)
{
    /// <summary>The number of links that Linux follows in one path: path_resolution(7).</summary>
    private const int LinkLimit = 40;

    /// <summary>Whether a path is a file or a folder that has a file in it. An empty folder does not count.</summary>
    public bool HasAny(string path) => Find(path) is not null || files.Keys.Any(f => f.StartsWith($"{path}/", StringComparison.Ordinal));

    /// <summary>Finds a file by its path from the root. Follows links to files and to directories.</summary>
    public LayerEntry? Find(string path)
    {
        var rest = new Stack<string>(Parts(path).Reverse());
        List<string> at = [];
        for (var links = 0; rest.TryPop(out var part);)
        {
            if (part == "..")
            {
                at.RemoveRange(Math.Max(at.Count - 1, 0), Math.Min(at.Count, 1));
                continue;
            }

            at.Add(part);
            if (files.GetValueOrDefault(string.Join('/', at)) is not { } entry)
            {
                continue; // a directory, or nothing
            }

            if (entry.Type != TarEntryType.SymbolicLink || ++links > LinkLimit)
            {
                return rest.Count == 0 && entry.IsFile ? entry : null;
            }

            at = entry.Target.StartsWith('/') ? [] : at[..^1];
            foreach (var target in Parts(entry.Target).Reverse())
            {
                rest.Push(target);
            }
        }

        return null;
    }

    /// <summary>Finds a program as execvp(3) does.</summary>
    public LayerEntry? FindProgram(string program, string searchPath, string workingDirectory) =>
        program.StartsWith('/') ? Find(program)
        : program.Contains('/', StringComparison.Ordinal) ? Find($"{workingDirectory}/{program}")
        : searchPath.Split(':').Select(folder => Find($"{folder}/{program}")).FirstOrDefault(found => found is not null);

    private static IEnumerable<string> Parts(string path) => path.Split('/').Where(p => p is not ("" or "."));
}
