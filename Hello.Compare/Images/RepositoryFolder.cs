namespace Hello.Compare.Images;

/// <summary>Finds the folder of the repository, which holds the solution and the Dockerfiles.</summary>
internal static class RepositoryFolder
{
    private const string Solution = "Hello.sln";

    /// <summary>Searches upwards from the program's folder, then upwards from the current folder.</summary>
    public static string Find() => ((string[])[AppContext.BaseDirectory, Environment.CurrentDirectory]).SelectMany(WithParents)
        .FirstOrDefault(folder => File.Exists(Path.Combine(folder, Solution))) ?? throw new MeasurementException(
            $"The program and the folder {Environment.CurrentDirectory} are outside of the repository (no {Solution} found). Run the program in the repository's folder.");

    private static IEnumerable<string> WithParents(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            yield return at.FullName;
        }
    }
}
