namespace Hello.Tests;

/// <summary>What an AppHost in a process of its own has made: its orchestrator DCP, containers and networks.</summary>
internal static partial class AppHostProgram
{
    private const string CreatorLabel = "com.microsoft.developer.usvc-dev.creatorProcessId";

    private static readonly TimeSpan TidyLimit = TimeSpan.FromMinutes(2);

    public static async Task<string[]> BelongingsAsync(int orchestrator)
    {
        string[] ofDcp = ["--filter", $"label={CreatorLabel}={orchestrator}"];
        return
        [
            .. Lines(await CommandLine.DockerAsync(["container", "ls", "--all", .. ofDcp, "--format", "{{.Names}}"])),
            .. Lines(await CommandLine.DockerAsync(["network", "ls", .. ofDcp, "--format", "{{.Name}}"])),
        ];
    }

    /// <summary>Waits for the DCP of an AppHost.</summary>
    /// <remarks><c>dcp start-apiserver --monitor 1234 …</c> starts <c>dcp run-controllers …</c>, which makes the containers.</remarks>
    public static async Task<int> OrchestratorAsync(int appHost)
    {
        var controllers = await CommandLine.PollAsync(ControllersAsync, ids => ids.Length > 0, TidyLimit);
        return Assert.Single(controllers);

        async Task<int[]> ControllersAsync()
        {
            var processes = Lines(await CommandLine.RunAsync("ps", "-eo", "pid,ppid,args"))
                .Select(line => line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToArray();
            return
            [
                .. from server in processes
                   where server[2].Contains($" start-apiserver --monitor {appHost} ", StringComparison.Ordinal)
                   from controllers in processes
                   where controllers[1] == server[0] && controllers[2].Contains(" run-controllers ", StringComparison.Ordinal)
                   select int.Parse(controllers[0], CultureInfo.InvariantCulture),
            ];
        }
    }

    /// <summary>The process of the DCP that has made a container.</summary>
    public static async Task<int> OrchestratorOfAsync(string container)
    {
        var format = $"{{{{index .Config.Labels \"{CreatorLabel}\"}}}}";
        return int.Parse(await CommandLine.DockerAsync("container", "inspect", "--format", format, container), CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until the containers of all builds answer.</summary>
    public static async Task AssertAllAnswerAsync(RunningProgram appHost, int orchestrator, TimeSpan limit)
    {
        foreach (var image in HelloImages.Specification)
        {
            var answer = await CommandLine.PollAsync(
                () => SayHelloAsync(image, orchestrator), a => a == HelloImages.Greeting || appHost.HasEnded, limit);
            Assert.True(answer == HelloImages.Greeting, $"{image}: {answer}. The AppHost wrote:\n{string.Join('\n', appHost.Lines)}");
        }
    }

    /// <summary>Waits until DCP has tidied up and ended. It does so by itself after its AppHost has been killed.</summary>
    public static async Task AssertNothingIsLeftAsync(int orchestrator)
    {
        Assert.Empty(await CommandLine.PollAsync(() => BelongingsAsync(orchestrator), left => left.Length == 0, TidyLimit));
        var asked = await CommandLine.PollAsync(() => CommandLine.TryAsync("kill", "-0", $"{orchestrator}"), r => r.ExitCode != 0, TidyLimit);
        Assert.NotEqual(0, asked.ExitCode);
    }

    [GeneratedRegex(@"\n\s+at \S+\(")]
    public static partial Regex StackTrace();

    /// <summary>Asks a container of an AppHost at the port that the engine has published.</summary>
    /// <returns>The answer, or why there is none.</returns>
    private static async Task<string> SayHelloAsync(ImageSpecification image, int orchestrator)
    {
        // A container has its resource's name and a suffix: scratch-nonroot-uwrsadbg.
        var container = (await BelongingsAsync(orchestrator)).SingleOrDefault(name => name[..Math.Max(name.LastIndexOf('-'), 0)] == image.Resource);
        var port = container is null ? null : await CommandLine.TryAsync("docker", "container", "port", container, "8080/tcp");
        if (port is not { ExitCode: 0 })
        {
            return port?.Error ?? "there is no container";
        }

        try
        {
            using var client = new HttpClient();
            return await client.GetStringAsync(new Uri($"http://{port.Output}/hello"));
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
    }

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
