using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>The folder of the repository, where the solution and the Dockerfiles are.</summary>
public static class RepositoryFolder
{
    private const string Solution = "Hello.sln";

    /// <summary>Looks above the program, then above the current folder.</summary>
    /// <exception cref="MeasurementException">Neither is in the repository.</exception>
    public static string Find() =>
        Above(AppContext.BaseDirectory) ?? Above(Environment.CurrentDirectory)
        ?? throw new MeasurementException($"There is no {Solution} above {Environment.CurrentDirectory}. Run the program from the repository's folder.");

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
