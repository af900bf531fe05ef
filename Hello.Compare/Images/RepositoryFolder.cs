using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>Finds the folder of the repository, which holds the solution and the Dockerfiles.</summary>
internal static class RepositoryFolder
{
    private const string Solution = "Hello.sln";

    /// <summary>Searches upwards from the program's folder, then upwards from the current folder.</summary>
    /// <exception cref="MeasurementException">Neither folder is in the repository.</exception>
    public static string Find() =>
        Above(AppContext.BaseDirectory) ?? Above(Environment.CurrentDirectory)
        ?? throw new MeasurementException($"The program and the folder {Environment.CurrentDirectory} are outside of the repository (no {Solution} found). Run the program in the repository's folder.");

    private static string? Above(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, Solution)))
            {
                return at.FullName;
            }
        }

        return null;
    }
}
