using System.Formats.Tar;

namespace Hello.Compare.Images;

/// <summary>Finds files in an image as a process in its container does.</summary>
/// <param name="files">All files and links, by path, without directories.</param>
internal sealed class ImageFileSystem(IReadOnlyDictionary<string, LayerEntry> files)
{
    /// <summary>The number of links that Linux follows in one path: path_resolution(7).</summary>
    private const int LinkLimit = 40;

    /// <summary>Number of files. A hard link is a file of its own.</summary>
    public int FileCount => files.Values.Count(f => f.IsFile);

    /// <summary>Whether a path is a file or a folder that has a file in it. An empty folder does not count.</summary>
    /// <param name="path">The path without a slash in front.</param>
    public bool HasAny(string path) => Find(path) is not null || files.Keys.Any(f => f.StartsWith($"{path}/", StringComparison.Ordinal));

    /// <summary>Finds a file by its path from the root. Follows links to files and to directories.</summary>
    /// <returns>Null if there is no such file.</returns>
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

            switch (entry.Type)
            {
                case TarEntryType.SymbolicLink when ++links <= LinkLimit:
                    at = entry.Target.StartsWith('/') ? [] : at[..^1];
                    foreach (var target in Parts(entry.Target).Reverse())
                    {
                        rest.Push(target);
                    }

                    break;
                default:
                    return rest.Count == 0 && entry.IsFile ? entry : null;
            }
        }

        return null;
    }

    /// <summary>Finds a program as execvp(3) does.</summary>
    /// <param name="program">A path, or a name without a slash, which is looked up in the search path.</param>
    /// <param name="searchPath">Folders, separated by colons.</param>
    /// <param name="workingDirectory">The folder that a relative path starts from.</param>
    /// <returns>Null if there is no such program.</returns>
    public LayerEntry? FindProgram(string program, string searchPath, string workingDirectory) =>
        program.StartsWith('/') ? Find(program)
        : program.Contains('/', StringComparison.Ordinal) ? Find($"{workingDirectory}/{program}")
        : searchPath.Split(':').Select(folder => Find($"{folder}/{program}")).FirstOrDefault(found => found is not null);

    private static IEnumerable<string> Parts(string path) => path.Split('/').Where(p => p is not ("" or "."));
}
