namespace Hello.Tests;

/// <summary>A folder that is removed at the end of the test.</summary>
internal sealed class TempFolder : IDisposable
{
    public DirectoryInfo Info { get; } = Directory.CreateTempSubdirectory("hello-test-");

    public string FullName => Info.FullName;

    public void Dispose() => Info.Delete(recursive: true);
}
