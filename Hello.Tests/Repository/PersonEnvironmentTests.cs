namespace Hello.Tests;

/// <summary>The environment of a person changes nothing. The AppHost runs with it in <see cref="AppHostProcessTests"/>.</summary>
public sealed class PersonEnvironmentTests : IDisposable
{
    private static readonly string Root = RepositoryFolder.Find();

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hello-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [FactOnLinux]
    [Trait("Needs", "Engine")]
    public async Task Setup_finds_all_ready_and_an_image_is_built_and_measured()
    {
        await HelloApplication.BuildImagesAsync();
        var environment = PersonEnvironment.Create(_folder);
        var setup = await CommandLine.TryAsync(
            Cli.Wrap(Path.Combine(Root, "eng", "setup.sh")).WithArguments("--check").WithEnvironmentVariables(environment));
        Assert.True(setup.ExitCode == 0, $"{setup}");

        var dockerfile = Path.Combine(_folder.FullName, "Dockerfile");
        await File.WriteAllTextAsync(dockerfile, $"FROM {HelloImages.Specification[^1].Reference}\nLABEL person=true\n");
        string[] options = ["--path", "/hello", "--runs", "1", "--load", "200", "--output", _folder.FullName];
        var compare = await CommandLine.TryAsync(
            CommandLine.Compare(["--only", "--dockerfile", dockerfile, .. options]).WithEnvironmentVariables(environment));
        Assert.True(compare.ExitCode == 0, $"{compare}");
    }

    [Fact]
    public async Task A_variable_is_no_property_of_the_build()
    {
        var names = string.Join(',', PersonEnvironment.OfBuild.Select(variable => variable.Name));
        var build = Cli.Wrap("dotnet").WithArguments(["msbuild", Path.Combine(Root, "Hello.AppHost"), $"-getProperty:{names}"])
            .WithEnvironmentVariables(PersonEnvironment.OfBuild.ToDictionary(variable => variable.Name, variable => (string?)variable.Value));
        var properties = JsonElement.Parse((await CommandLine.TryAsync(build)).Output).GetProperty("Properties");
        Assert.All(PersonEnvironment.OfBuild, variable => Assert.Equal(variable.Property, properties.GetProperty(variable.Name).GetString()));
    }
}
