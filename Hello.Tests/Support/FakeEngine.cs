namespace Hello.Tests;

/// <summary>A script in place of <c>docker</c>. It notes what it was called with.</summary>
internal sealed class FakeEngine : IDisposable
{
    private FakeEngine(DirectoryInfo folder) => Folder = folder;

    /// <summary>Where the script is, and whatever it needs.</summary>
    public DirectoryInfo Folder { get; }

    public ContainerEngine Engine => new(Path.Combine(Folder.FullName, "docker"));

    public string[] Calls => File.Exists(Log) ? File.ReadAllLines(Log) : [];

    /// <summary>The variables that make a program use the script.</summary>
    public Dictionary<string, string?> Environment => new()
    {
        ["PATH"] = $"{Folder.FullName}:{System.Environment.GetEnvironmentVariable("PATH")}",
        ["ASPIRE_CONTAINER_RUNTIME"] = "docker",
    };

    private string Log => Path.Combine(Folder.FullName, "calls");

    /// <summary>Writes a script that runs the real <c>docker</c> unless its lines end it earlier.</summary>
    /// <param name="script">Lines for <c>sh</c>. They may run <c>docker</c> themselves.</param>
    public static Task<FakeEngine> BeforeDockerAsync(string script) =>
        CreateAsync($"PATH='{System.Environment.GetEnvironmentVariable("PATH")}'\n{script}\nexec docker \"$@\"");

    /// <param name="script">Lines for <c>sh</c>, which runs them in the script's folder.</param>
    public static async Task<FakeEngine> CreateAsync(string script)
    {
        var fake = new FakeEngine(Directory.CreateTempSubdirectory("hello-test-"));
        var docker = Path.Combine(fake.Folder.FullName, "docker");
        await File.WriteAllTextAsync(docker, $"#!/bin/sh\ncd '{fake.Folder.FullName}'\necho \"$*\" >> calls\n{script}\n");
        await CommandLine.RunAsync("chmod", "+x", docker);
        return fake;
    }

    public void Dispose() => Folder.Delete(recursive: true);
}
