using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
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

    private static readonly TimeSpan NameLimit = TimeSpan.FromSeconds(5);

    private static readonly string[] Known = ["docker", "podman"];

    private readonly string[] _candidates = string.IsNullOrEmpty(name) ? Known : [name];

    private string? _executable;

    private bool? _takesLoad;

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

    /// <summary>Runs a command of the engine.</summary>
    /// <returns>Standard output and, behind it, standard error.</returns>
    /// <exception cref="MeasurementException">The command failed.</exception>
    internal async Task<string> RunWithErrorAsync(IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var command = await CommandAsync(arguments, cancellationToken);
        var result = await ProgramRunner.TryRunAsync(command, cancellationToken);
        return result.ExitCode == 0 ? $"{result.Output}\n{result.Error}" : throw ProgramRunner.Failure(command, result);
    }

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

    /// <summary>Asks the engine's client where the engine is.</summary>
    /// <returns>Why the ports of its containers are not on this machine; null if nothing speaks against it.</returns>
    public async Task<string?> FindPortsElsewhereAsync(CancellationToken cancellationToken)
    {
        // "unix:///var/run/docker.sock", "tcp://10.0.0.2:2376", "ssh://user@build"
        if (!Uri.TryCreate(await FindAddressAsync(cancellationToken), UriKind.Absolute, out var address) || address.Scheme is not ("tcp" or "ssh" or "http" or "https") || await IsThisMachineAsync(address, cancellationToken))
        {
            return null;
        }

        // Without the user, the password and the path.
        return $"The container engine is at {address.Scheme}://{address.Host}, so the ports of its containers are not on this machine. Run the program there, or choose an engine of this machine: unset DOCKER_HOST, or run docker context use default.";
    }

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

    /// <summary>Removes an object of a kind: "image", "container" or "network". It is no error if it does not exist.</summary>
    /// <exception cref="MeasurementException">It could not be removed. The message names it and the command that removes it.</exception>
    internal async Task RemoveAsync(string kind, string nameOrId)
    {
        string[] arguments = [kind, "rm", .. kind == "container" ? ["--force"] : Array.Empty<string>(), nameOrId];
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
            var error = new StringBuilder();
            await foreach (var told in command.ListenAsync(cancellationToken))
            {
                switch (told)
                {
                    case StandardOutputCommandEvent line:
                        yield return line.Text;
                        break;
                    case StandardErrorCommandEvent line:
                        error.AppendLine(line.Text);
                        break;
                    case ExitedCommandEvent { ExitCode: not 0 } ended:
                        throw ProgramRunner.Failure(command.WithArguments("events"), new(ended.ExitCode, "", error.ToString()));
                }
            }
        }
    }

    /// <summary>The address of the engine, whether a variable, a context or a connection gives it. Null if the client does not tell it.</summary>
    private async Task<string?> FindAddressAsync(CancellationToken cancellationToken)
    {
        var isPodman = Path.GetFileNameWithoutExtension(await FindAsync(cancellationToken)) == "podman";
        try
        {
            if (!isPodman)
            {
                return await RunAsync(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], cancellationToken);
            }

            // A connection may be there and not be used. "true ssh://core@127.0.0.1:40123/run/podman/podman.sock"
            return await RunAsync(["info", "--format", "{{.Host.ServiceIsRemote}}"], cancellationToken) != "true"
                ? null
                : Environment.GetEnvironmentVariable("CONTAINER_HOST") is { Length: > 0 } host
                    ? host
                    : (await RunAsync(["system", "connection", "list", "--format", "{{.Default}} {{.URI}}"], cancellationToken))
                        .Split('\n').FirstOrDefault(l => l.StartsWith("true ", StringComparison.Ordinal))?["true ".Length..].Trim();
        }
        catch (MeasurementException)
        {
            return isPodman ? null : Environment.GetEnvironmentVariable("DOCKER_HOST"); // an old client, or podman under the name docker
        }
    }

    private static async Task<bool> IsThisMachineAsync(Uri address, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(NameLimit);
        try
        {
            var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address).ToArray();
            return (await Dns.GetHostAddressesAsync(address.DnsSafeHost, limit.Token)).Any(a => IPAddress.IsLoopback(a) || own.Contains(a));
        }
        catch (Exception e) when (e is SocketException or NetworkInformationException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false; // a name that only another machine knows, such as one of ~/.ssh/config
        }
    }

    private async Task<Command> CommandAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        Cli.Wrap(await FindAsync(cancellationToken)).WithArguments(arguments).WithValidation(CommandResultValidation.None);
}
