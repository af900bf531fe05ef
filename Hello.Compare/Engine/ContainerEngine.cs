using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CliWrap;

namespace Hello.Compare.Engine;

/// <summary>The command line of the container engine, docker or podman.</summary>
/// <param name="name">"docker" or "podman". If null or empty, the first of the two that answers.</param>
public sealed class ContainerEngine(string? name)
{
    private static readonly TimeSpan RemoveLimit = TimeSpan.FromSeconds(60);

    private static readonly string[] Known = ["docker", "podman"];

    private readonly string[] _candidates = string.IsNullOrEmpty(name) ? Known : [name];

    private string? _executable;

    private bool? _takesLoad;

    private JsonElement? _version;

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
    /// <returns>Its command: "docker" or "podman".</returns>
    /// <exception cref="MeasurementException">No engine answers.</exception>
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

        return _executable ?? throw new MeasurementException($"No container engine answers ({string.Join("; ", failures)}): start one, or run eng/setup.sh.");
    }

    /// <summary>Runs a command of the engine.</summary>
    /// <returns>Standard output, without white space at the end.</returns>
    /// <exception cref="MeasurementException">The command failed.</exception>
    public async Task<string> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        await ProgramRunner.RunAsync(await CommandAsync(arguments, cancellationToken), cancellationToken);

    /// <summary>Whether an error says that the engine does not have an image. docker: "No such image: demo:1", podman: "demo:1: image not known".</summary>
    internal static bool IsNoImage(MeasurementException error) =>
        error.Message.Contains("no such image", StringComparison.OrdinalIgnoreCase) || error.Message.Contains("image not known", StringComparison.Ordinal);

    /// <summary>Runs a command of the engine, whatever its exit code.</summary>
    /// <exception cref="MeasurementException">The command could not be started.</exception>
    internal async Task<ProgramResult> TryRunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        await ProgramRunner.TryRunAsync(await CommandAsync(arguments, cancellationToken), cancellationToken);

    /// <summary>Runs a command that reads a stream, for example an archive.</summary>
    /// <exception cref="MeasurementException">The command failed.</exception>
    internal async Task WriteAsync(IEnumerable<string> arguments, Func<Stream, CancellationToken, Task> write, CancellationToken cancellationToken) =>
        await ProgramRunner.RunAsync((await CommandAsync(arguments, cancellationToken)).WithStandardInputPipe(PipeSource.Create(write)), cancellationToken);

    /// <summary>Runs a command and stays connected with its standard input and output until it ends.</summary>
    /// <param name="write">Writes to its input. When this is done, the input ends.</param>
    /// <param name="read">Receives each line of its output.</param>
    internal async Task<ProgramResult> RunAsync(IEnumerable<string> arguments, Func<Stream, CancellationToken, Task> write, Action<string> read) =>
        await ProgramRunner.TryRunAsync(
            (await CommandAsync(arguments, CancellationToken.None)).WithStandardInputPipe(PipeSource.Create(write)).WithStandardOutputPipe(PipeTarget.ToDelegate(read)),
            CancellationToken.None);

    /// <summary>Reads the standard output of a command as a stream, for example an archive. The output is not stored in a file.</summary>
    /// <exception cref="MeasurementException">The command failed.</exception>
    public async Task<T> ReadAsync<T>(IEnumerable<string> arguments, Func<Stream, CancellationToken, Task<T>> read, CancellationToken cancellationToken) =>
        await ProgramRunner.ReadAsync(await CommandAsync(arguments, cancellationToken), read, cancellationToken);

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

    /// <summary>Makes a network and removes it.</summary>
    /// <returns>Why the engine cannot make one; null if it can.</returns>
    /// <exception cref="MeasurementException">The network could not be removed.</exception>
    public async Task<string?> FindNetworkFailureAsync(CancellationToken cancellationToken)
    {
        var name = TemporaryResources.NewName("network");
        try
        {
            await RunAsync(["network", "create", name], cancellationToken);
        }
        catch (MeasurementException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            await RemoveAsync("network", name); // an interrupted command may have made it already
            throw;
        }

        await RemoveAsync("network", name);
        return null;
    }

    /// <summary>The engine's JSON about a kind of object, "image" or "container".</summary>
    /// <exception cref="MeasurementException">The engine has no image or container of that name.</exception>
    public async Task<JsonElement> InspectAsync(string kind, string nameOrId, CancellationToken cancellationToken)
    {
        using var answer = JsonDocument.Parse(await RunAsync([kind, "inspect", nameOrId], cancellationToken));
        return answer.RootElement[0].Clone();
    }

    /// <summary>Name and version of the engine.</summary>
    internal async Task<string> DescribeAsync(CancellationToken cancellationToken) =>
        $"{await FindAsync(cancellationToken)} {(await GetVersionAsync(cancellationToken)).GetProperty("Version").GetString()}";

    /// <summary>The architecture of the machine that the engine is on: "amd64".</summary>
    internal async Task<string> GetArchitectureAsync(CancellationToken cancellationToken)
    {
        // docker: {"Os":"linux","Arch":"amd64"}, podman: {"OsArch":"linux/amd64"}
        var version = await GetVersionAsync(cancellationToken);
        return version.TryGetProperty("Arch", out var name) ? name.GetString()! : version.GetProperty("OsArch").GetString()!.Split('/')[1];
    }

    private async Task<JsonElement> GetVersionAsync(CancellationToken cancellationToken)
    {
        if (_version is null)
        {
            // docker: {"Client":{…},"Server":{"Version":"28.2.2",…}}, podman: {"Client":{"Version":"5.4.0",…}}
            using var version = JsonDocument.Parse(await RunAsync(["version", "--format", "{{json .}}"], cancellationToken));
            _version = (version.RootElement.TryGetProperty("Server", out var server) && server.ValueKind == JsonValueKind.Object ? server : version.RootElement.GetProperty("Client")).Clone();
        }

        return _version.Value;
    }

    /// <summary>Removes an object of a kind: "image", "container" or "network". It is no error if it does not exist.</summary>
    /// <exception cref="MeasurementException">It could not be removed. The message names it and the command that removes it.</exception>
    internal async Task RemoveAsync(string kind, string nameOrId)
    {
        string[] arguments = [kind, "rm", .. kind == "container" ? ["--force", "--volumes"] : Array.Empty<string>(), nameOrId];
        using var limit = new CancellationTokenSource(RemoveLimit); // not the caller's token, which may be cancelled already
        string reason;
        try
        {
            var result = await ProgramRunner.TryRunAsync(await CommandAsync(arguments, limit.Token), limit.Token);
            reason = result.Reason;
            // docker: "Error response from daemon: No such image: demo:1" or "…: network demo not found", podman: "Error: demo:1: image not known".
            // Not "no such host" or "no such file", which an engine's client says if it does not reach the engine.
            if (result.ExitCode == 0
                || reason.Contains($"no such {kind}", StringComparison.OrdinalIgnoreCase)
                || reason.EndsWith("not known", StringComparison.Ordinal)
                || reason.EndsWith("is already in progress", StringComparison.Ordinal) // docker removes a container of --rm itself
                || reason.EndsWith($"{nameOrId} not found", StringComparison.Ordinal))
            {
                return;
            }
        }
        catch (MeasurementException e)
        {
            reason = e.Message;
        }
        catch (OperationCanceledException)
        {
            reason = string.Create(CultureInfo.InvariantCulture, $"the engine did not answer within {RemoveLimit.TotalSeconds:N0} s");
        }

        throw new MeasurementException($"The {kind} {nameOrId} is left behind ({reason}). Remove it with: {_executable ?? _candidates[0]} {string.Join(' ', arguments)}");
    }

    private async Task<Command> CommandAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        Cli.Wrap(await FindAsync(cancellationToken)).WithArguments(arguments).WithValidation(CommandResultValidation.None);
}
