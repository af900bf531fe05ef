using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using CliWrap;
using CliWrap.EventStream;

namespace Hello.Compare.Engine;

/// <summary>The command line of the container engine, docker or podman.</summary>
/// <param name="name">"docker" or "podman". If null or empty, the first of the two that answers.</param>
public sealed class ContainerEngine(string? name)
{
    /// <summary>How long one command follows the engine's events. If this program is killed, the command outlives it for at most this time.</summary>
    private static readonly TimeSpan FollowLimit = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan RemoveLimit = TimeSpan.FromSeconds(60);

    private readonly string[] _candidates = string.IsNullOrEmpty(name) ? ["docker", "podman"] : [name];

    private string? _executable;

    /// <summary>The engine that Aspire's variables name: https://aspire.dev/app-host/configuration/.</summary>
    public static ContainerEngine FromEnvironment() =>
        new(Environment.GetEnvironmentVariable("ASPIRE_CONTAINER_RUNTIME") ?? Environment.GetEnvironmentVariable("DOTNET_ASPIRE_CONTAINER_RUNTIME"));

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

    /// <summary>Reads the standard output of a command as a stream, for example an archive. The output is not stored in a file.</summary>
    /// <exception cref="MeasurementException">The command failed.</exception>
    public async Task<T> ReadAsync<T>(IEnumerable<string> arguments, Func<Stream, CancellationToken, Task<T>> read, CancellationToken cancellationToken) =>
        await ProgramRunner.ReadAsync(await CommandAsync(arguments, cancellationToken), read, cancellationToken);

    /// <summary>The engine's JSON about a kind of object, "image" or "container".</summary>
    /// <exception cref="MeasurementException">The engine has no image or container of that name.</exception>
    public async Task<JsonElement> InspectAsync(string kind, string nameOrId, CancellationToken cancellationToken)
    {
        using var answer = JsonDocument.Parse(await RunAsync([kind, "inspect", nameOrId], cancellationToken));
        return answer.RootElement[0].Clone();
    }

    /// <summary>Name and version of the engine.</summary>
    internal async Task<string> DescribeAsync(CancellationToken cancellationToken)
    {
        // docker: {"Client":{…},"Server":{"Version":"28.2.2",…}}, podman: {"Client":{"Version":"5.4.0",…}}
        using var version = JsonDocument.Parse(await RunAsync(["version", "--format", "{{json .}}"], cancellationToken));
        var component = version.RootElement.TryGetProperty("Server", out var server) && server.ValueKind == JsonValueKind.Object ? server : version.RootElement.GetProperty("Client");
        return $"{await FindAsync(cancellationToken)} {component.GetProperty("Version").GetString()}";
    }

    /// <summary>Removes an object of a kind, "image" or "container". It is no error if it does not exist.</summary>
    /// <exception cref="MeasurementException">It could not be removed. The message names it and the command that removes it.</exception>
    internal async Task RemoveAsync(string kind, string nameOrId)
    {
        string[] arguments = [kind, "rm", .. kind == "container" ? ["--force"] : Array.Empty<string>(), nameOrId];
        using var limit = new CancellationTokenSource(RemoveLimit); // not the caller's token, which may be cancelled already
        string reason;
        try
        {
            var result = await ProgramRunner.TryRunAsync(await CommandAsync(arguments, limit.Token), limit.Token);
            // docker: "Error response from daemon: No such image: demo:1", podman: "Error: demo:1: image not known"
            if (result.ExitCode == 0 || result.Error.Contains("no such", StringComparison.OrdinalIgnoreCase) || result.Error.EndsWith("not known", StringComparison.Ordinal))
            {
                return;
            }

            reason = result.LastLine;
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

    /// <summary>Follows the starts of a container until it is cancelled. The container need not exist yet.</summary>
    /// <returns>The engine's line about each start.</returns>
    /// <exception cref="MeasurementException">The engine failed.</exception>
    public async IAsyncEnumerable<string> FollowStartsAsync(string container, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Each command begins where the previous one ended.
        for (var since = DateTime.UtcNow; ; since += FollowLimit)
        {
            var command = await CommandAsync(
                [
                    "events", "--filter", "type=container", "--filter", "event=start", "--filter", $"container={container}",
                    "--since", since.ToString("O", CultureInfo.InvariantCulture), "--until", (since + FollowLimit).ToString("O", CultureInfo.InvariantCulture),
                ],
                cancellationToken);
            var error = "";
            await foreach (var told in command.ListenAsync(cancellationToken))
            {
                switch (told)
                {
                    case StandardOutputCommandEvent line:
                        yield return line.Text;
                        break;
                    case StandardErrorCommandEvent line:
                        error = line.Text;
                        break;
                    case ExitedCommandEvent { ExitCode: not 0 } ended:
                        throw ProgramRunner.Failure(command.WithArguments("events"), new(ended.ExitCode, "", error));
                }
            }
        }
    }

    private async Task<Command> CommandAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        Cli.Wrap(await FindAsync(cancellationToken)).WithArguments(arguments).WithValidation(CommandResultValidation.None);
}
