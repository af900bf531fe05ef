using CliWrap;

namespace Hello.Compare.Engine;

/// <summary>The command line of the container engine, docker or podman.</summary>
/// <param name="name">"docker" or "podman". If null or empty, the first of the two that answers.</param>
public sealed class ContainerEngine(string? name)
{
    private static readonly TimeSpan RemoveLimit = TimeSpan.FromSeconds(60);

    private static readonly string[] Known = ["docker", "podman"];

    /// <summary>An answer in which a member is missing, or null, cannot be used.</summary>
    private static readonly JsonSerializerOptions Strict = new() { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    private readonly string[] _candidates = string.IsNullOrEmpty(name) ? Known : [name];

    private string? _executable;

    private bool? _takesLoad;

    private VersionAnswer.Part? _version;

    /// <summary>Aspire's settings that name the engine. The first one that has a value counts: https://aspire.dev/app-host/configuration/.</summary>
    public static IReadOnlyList<string> Settings { get; } = ["DcpPublisher:ContainerRuntime", "ASPIRE_CONTAINER_RUNTIME", "DOTNET_ASPIRE_CONTAINER_RUNTIME"];

    /// <summary>The engine that Aspire's variables name.</summary>
    /// <exception cref="MeasurementException">The variable names no known engine.</exception>
    public static ContainerEngine FromEnvironment() =>
        new(FindName(setting => Environment.GetEnvironmentVariable(setting.Replace(":", "__", StringComparison.Ordinal))));

    /// <summary>The engine that the settings name; null if none of them has a value. An empty value is none.</summary>
    /// <exception cref="MeasurementException">The setting names no known engine.</exception>
    public static string? FindName(Func<string, string?> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        var (setting, value) = Settings.Select(s => (s, Value: read(s)?.Trim())).FirstOrDefault(s => s.Value is { Length: > 0 });
        return value is null
            ? null
            : Known.FirstOrDefault(k => k.Equals(value, StringComparison.OrdinalIgnoreCase))
                ?? throw new MeasurementException($"{setting} is '{value}', which is no known container engine. Set it to {string.Join(" or ", Known)}, or remove it.");
    }

    /// <summary>Finds an engine that answers, and remembers it.</summary>
    internal async Task<string> FindAsync(CancellationToken cancellationToken)
    {
        List<string> failures = [];
        foreach (var candidate in _executable is null ? _candidates : [])
        {
            try
            {
                await ProgramRunner.RunAsync(Cli.Wrap(candidate).WithArguments(["container", "ls", "--quiet", "--last", "1"]), cancellationToken);
                _executable = candidate;
                break;
            }
            catch (MeasurementException e)
            {
                failures.Add(e.Message);
            }
        }

        return _executable ?? throw new MeasurementException($"No container engine answers ({string.Join("; ", failures)}). {EngineEnvironment.Remedy}");
    }

    /// <summary>Runs a command of the engine.</summary>
    /// <returns>Standard output, without white space at the end.</returns>
    /// <exception cref="MeasurementException">The command failed.</exception>
    public async Task<string> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        await ProgramRunner.RunAsync(await CommandAsync(arguments, cancellationToken), cancellationToken);

    /// <summary>Whether an error says that the engine does not have an image. docker: "No such image: demo:1", podman: "demo:1: image not known".</summary>
    internal static bool IsNoImage(MeasurementException error) =>
        ((string[])["no such image", "image not known"]).Any(text => error.Message.Contains(text, StringComparison.OrdinalIgnoreCase));

    internal async Task<ProgramResult> TryRunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        await ProgramRunner.TryRunAsync(await CommandAsync(arguments, cancellationToken), cancellationToken);

    /// <summary>Builds an image and loads it into the engine. Without that, a builder of the driver docker-container would keep the image to itself.</summary>
    /// <returns>How long the build took.</returns>
    /// <exception cref="MeasurementException">The build failed.</exception>
    public async Task<TimeSpan> BuildAsync(IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        // The engine's own builder has no such option if buildx is not there, and needs none.
        _takesLoad ??= (await RunAsync(["build", "--help"], cancellationToken)).Contains("--load", StringComparison.Ordinal);
        var clock = Stopwatch.StartNew();
        await RunAsync(["build", .. _takesLoad.Value ? ["--load"] : Array.Empty<string>(), .. arguments], cancellationToken);
        return clock.Elapsed;
    }

    /// <summary>The engine's description of an "image" or a "container".</summary>
    internal async Task<T> InspectAsync<T>(string kind, string nameOrId, CancellationToken cancellationToken) =>
        await AskAsync<T[]>([kind, "inspect", nameOrId], cancellationToken) is [var only, ..] ? only : throw new MeasurementException($"there is no {kind} {nameOrId}.");

    internal async Task<string> DescribeAsync(CancellationToken cancellationToken) =>
        $"{await FindAsync(cancellationToken)} {(await GetVersionAsync(cancellationToken)).Version}";

    /// <summary>The architecture of the machine that the engine is on: "amd64".</summary>
    internal async Task<string> GetArchitectureAsync(CancellationToken cancellationToken)
    {
        var version = await GetVersionAsync(cancellationToken);
        return version.Arch ?? version.OsArch?.Split('/').ElementAtOrDefault(1) ?? throw new MeasurementException("the engine does not say its architecture.");
    }

    private async Task<VersionAnswer.Part> GetVersionAsync(CancellationToken cancellationToken)
    {
        if (_version is null)
        {
            var answer = await AskAsync<VersionAnswer>(["version", "--format", "{{json .}}"], cancellationToken);
            _version = answer.Server ?? answer.Client ?? throw new MeasurementException("the engine does not say its version.");
        }

        return _version;
    }

    private async Task<T> AskAsync<T>(string[] arguments, CancellationToken cancellationToken)
    {
        var answer = await RunAsync(arguments, cancellationToken);
        try
        {
            return JsonSerializer.Deserialize<T>(answer, Strict) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            var reason = PlainText.Clean(e.Message.Split(" Path: ")[0]);
            throw new MeasurementException($"the answer to '{_executable} {string.Join(' ', arguments)}' cannot be used: {reason}", e);
        }
    }

    /// <summary>Removes an "image", a "container" or a "network". It is no error if it does not exist.</summary>
    /// <exception cref="MeasurementException">It could not be removed. The message names it and the command that removes it.</exception>
    internal async Task RemoveAsync(string kind, string nameOrId)
    {
        string[] arguments = [kind, "rm", .. kind == "container" ? ["--force", "--volumes"] : Array.Empty<string>(), nameOrId];
        using var limit = new CancellationTokenSource(RemoveLimit); // not the caller's token, which may be cancelled already
        string reason;
        try
        {
            var result = await TryRunAsync(arguments, limit.Token);
            if (result.ExitCode == 0 || IsGone(result.Reason))
            {
                return;
            }

            reason = result.Reason;
        }
        catch (Exception e) when (e is MeasurementException or OperationCanceledException)
        {
            reason = limit.IsCancellationRequested ? "the engine does not answer" : e.Message;
        }

        throw new MeasurementException($"The {kind} {nameOrId} is left behind ({reason}). Remove it with: {_executable ?? _candidates[0]} {string.Join(' ', arguments)}");

        // docker: "Error response from daemon: No such image: demo:1" or "…: network demo not found", podman: "Error: demo:1: image not known".
        // Not "no such host" or "no such file", which an engine's client says if it does not reach the engine.
        // "…: removal of container demo is already in progress": docker removes a container of --rm itself.
        bool IsGone(string error) => error.Contains($"no such {kind}", StringComparison.OrdinalIgnoreCase)
            || ((string[])["not known", "is already in progress", $"{nameOrId} not found"]).Any(end => error.EndsWith(end, StringComparison.Ordinal));
    }

    /// <summary>A command of the engine, to run it by <see cref="ProgramRunner"/>.</summary>
    internal async Task<Command> CommandAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        Cli.Wrap(await FindAsync(cancellationToken)).WithArguments(arguments);
}
