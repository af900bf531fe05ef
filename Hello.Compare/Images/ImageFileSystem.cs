using System.Formats.Tar;

namespace Hello.Compare.Images;

/// <summary>Finds files in an image the way a process in it would.</summary>
/// <param name="files">All files and links, by path.</param>
public sealed class ImageFileSystem(IReadOnlyDictionary<string, LayerEntry> files)
{
    /// <summary>As many links as Linux follows in one path: path_resolution(7).</summary>
    private const int LinkLimit = 40;

    /// <summary>How many names of files there are.</summary>
    public int FileCount => files.Values.Count(f => f.IsFile);

    /// <summary>Whether a path is a file or a folder with a file in it.</summary>
    /// <param name="path">Its path, without a slash in front.</param>
    public bool HasAny(string path) => Find(path) is not null || files.Keys.Any(f => f.StartsWith($"{path}/", StringComparison.Ordinal));

    /// <summary>Finds a file, through links and linked directories.</summary>
    /// <param name="path">Its path, from the root.</param>
    /// <returns>The file; null when there is none.</returns>
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
    /// <param name="program">A path, or a name to be looked up.</param>
    /// <param name="searchPath">The folders to look in, separated by colons.</param>
    /// <param name="workingDirectory">What a relative path starts from.</param>
    /// <returns>The program; null when there is none.</returns>
    public LayerEntry? FindProgram(string program, string searchPath, string workingDirectory) =>
        program.StartsWith('/') ? Find(program)
        : program.Contains('/', StringComparison.Ordinal) ? Find($"{workingDirectory}/{program}")
        : searchPath.Split(':').Select(folder => Find($"{folder}/{program}")).FirstOrDefault(found => found is not null);

    private static IEnumerable<string> Parts(string path) => path.Split('/').Where(p => p is not ("" or "."));
}
