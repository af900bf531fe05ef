namespace Hello.Tests;

/// <summary>What the container engine holds.</summary>
internal static class EngineContents
{
    /// <summary>The images and containers whose names begin with a prefix. Others may make such ones, too: compare with a list from before.</summary>
    public static async Task<string[]> ListAsync(string prefix) =>
    [
        .. Lines(await CommandLine.DockerAsync("image", "ls", "--filter", $"reference={prefix}*", "--format", "{{.Repository}}:{{.Tag}}"))
            .Select(name => name.Replace(":latest", "", StringComparison.Ordinal)),
        .. Lines(await CommandLine.DockerAsync("container", "ls", "--all", "--filter", $"name={prefix}", "--format", "{{.Names}}")),
    ];

    /// <summary>What comparisons make for some images. Others may run at the same time.</summary>
    public static async Task<string[]> ListOfComparisonsAsync(IEnumerable<string> ends) =>
        [.. (await ListAsync("hello-compare-")).Where(name => ends.Any(end => name.EndsWith(end, StringComparison.Ordinal)))];

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
