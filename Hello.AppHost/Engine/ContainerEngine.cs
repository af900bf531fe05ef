using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Hello.AppHost.Engine;

/// <summary>The command line of the container engine that Aspire uses, docker or podman.</summary>
/// <param name="configuration">Says which, as it does to Aspire: https://aspire.dev/app-host/configuration/.</param>
internal sealed class ContainerEngine(IConfiguration configuration)
{
    private static readonly string[] Known = ["docker", "podman"];

    /// <summary>How long one command follows the engine's events; a killed AppHost leaves it behind for no longer.</summary>
    private static readonly TimeSpan FollowLimit = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan RemoveLimit = TimeSpan.FromSeconds(60);

    private readonly string? _configured =
        configuration["DcpPublisher:ContainerRuntime"] ?? configuration["ASPIRE_CONTAINER_RUNTIME"] ?? configuration["DOTNET_ASPIRE_CONTAINER_RUNTIME"];

    private string? _executable;

    /// <summary>The engine's command: the configured one, or the first that answers.</summary>
    /// <param name="cancellationToken">Calls the question off.</param>
    /// <returns>"docker" or "podman".</returns>
    /// <exception cref="MeasurementException">None answers.</exception>
    public async Task<string> FindAsync(CancellationToken cancellationToken)
    {
        List<string> failures = [];
        foreach (var candidate in _executable is not null ? [] : _configured is null ? Known : [_configured])
        {
            try
            {
                await RunAsync(candidate, ["container", "ls", "--quiet", "--last", "1"], onLine: null, cancellationToken);
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
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="cancellationToken">Ends the command.</param>
    /// <param name="onLine">Receives each line that the command writes to standard error.</param>
    /// <returns>What it wrote to standard output, without the last line end.</returns>
    /// <exception cref="MeasurementException">It failed.</exception>
    public async Task<string> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken, Action<string>? onLine = null) =>
        await RunAsync(await FindAsync(cancellationToken), arguments, onLine, cancellationToken);

    /// <summary>What the engine knows of an image or a container.</summary>
    /// <param name="kind">"image" or "container".</param>
    /// <param name="name">Its name or ID.</param>
    /// <param name="cancellationToken">Ends the command.</param>
    /// <returns>The engine's JSON.</returns>
    /// <exception cref="MeasurementException">It knows none of that name.</exception>
    public async Task<JsonElement> InspectAsync(string kind, string name, CancellationToken cancellationToken)
    {
        using var answer = JsonDocument.Parse(await RunAsync([kind, "inspect", name], cancellationToken));
        return answer.RootElement[0].Clone();
    }

    /// <summary>Removes an image or a container, whatever else has been called off, and without a word about one that isn't there.</summary>
    /// <param name="kind">"image" or "container".</param>
    /// <param name="name">Its name or ID.</param>
    /// <returns>Completes once it is gone.</returns>
    /// <exception cref="MeasurementException">It is left behind.</exception>
    public async Task RemoveAsync(string kind, string name)
    {
        using var limit = new CancellationTokenSource(RemoveLimit);
        try
        {
            await RunAsync([kind, "rm", .. kind == "container" ? ["--force"] : Array.Empty<string>(), name], limit.Token);
        }
        catch (MeasurementException e) when (e.Message.Contains("no such", StringComparison.OrdinalIgnoreCase) || e.Message.EndsWith("not known", StringComparison.Ordinal))
        {
            // In docker's words and in podman's: it was never made, or has been removed before.
        }
        catch (Exception e) when (e is MeasurementException or OperationCanceledException)
        {
            throw new MeasurementException($"Something was left behind: {e.Message}", e);
        }
    }

    /// <summary>Reads the archive of an image while the engine writes it, without a file in between.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="reference">Name and tag of the image.</param>
    /// <param name="read">Reads the archive.</param>
    /// <param name="cancellationToken">Ends the command.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="MeasurementException">The engine failed.</exception>
    public Task<T> SaveImageAsync<T>(string reference, Func<Stream, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(["image", "save", reference], read, cancellationToken);

    /// <summary>Reads the archive that a command writes to standard output, as it comes.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="read">Reads the archive.</param>
    /// <param name="cancellationToken">Ends the command.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="MeasurementException">The engine failed.</exception>
    public async Task<T> ReadAsync<T>(string[] arguments, Func<Stream, Task<T>> read, CancellationToken cancellationToken)
    {
        var engine = await FindAsync(cancellationToken);
        using var process = Start(engine, arguments);
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            T result;
            try
            {
                result = await read(process.StandardOutput.BaseStream);
            }
            catch (MeasurementException) when (EndsWithFailure(process))
            {
                // An archive that breaks off is the engine's failure, and the engine says why.
                throw Failure(engine, arguments, process.ExitCode, await error);
            }

            await process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? result : throw Failure(engine, arguments, process.ExitCode, await error);
        }
        finally
        {
            Kill(process);
        }
    }

    /// <summary>Follows the starts of a container, which need not exist yet; without end.</summary>
    /// <param name="container">The container's name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The engine's line about each start.</returns>
    /// <exception cref="MeasurementException">The engine failed.</exception>
    public async IAsyncEnumerable<string> FollowStartsAsync(string container, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var engine = await FindAsync(cancellationToken);
        // One command after the other, each from where the last one ended.
        for (var since = DateTime.UtcNow; ; since += FollowLimit)
        {
            string[] arguments =
            [
                "events", "--filter", "type=container", "--filter", "event=start", "--filter", $"container={container}",
                "--since", since.ToString("O", CultureInfo.InvariantCulture), "--until", (since + FollowLimit).ToString("O", CultureInfo.InvariantCulture),
            ];
            using var process = Start(engine, arguments);
            try
            {
                var error = process.StandardError.ReadToEndAsync(cancellationToken);
                while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
                {
                    yield return line;
                }

                await process.WaitForExitAsync(cancellationToken);
                if (process.ExitCode != 0)
                {
                    throw Failure(engine, ["events"], process.ExitCode, await error);
                }
            }
            finally
            {
                Kill(process);
            }
        }
    }

    private static async Task<string> RunAsync(string engine, IEnumerable<string> arguments, Action<string>? onLine, CancellationToken cancellationToken)
    {
        using var process = Start(engine, arguments);
        try
        {
            var error = ReadErrorAsync();
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            var lastLine = await error;
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? output.TrimEnd() : throw Failure(engine, arguments, process.ExitCode, lastLine);
        }
        finally
        {
            Kill(process);
        }

        async Task<string> ReadErrorAsync()
        {
            var last = "";
            while (await process.StandardError.ReadLineAsync(cancellationToken) is { } line)
            {
                last = line.Length > 0 ? line : last;
                onLine?.Invoke(line);
            }

            return last;
        }
    }

    private static Process Start(string engine, IEnumerable<string> arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(engine, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception e)
        {
            throw new MeasurementException($"{engine} could not be started: {e.Message}", e);
        }
    }

    /// <summary>Bounded: an engine that still writes to a pipe that nobody reads does not end.</summary>
    private static bool EndsWithFailure(Process process) => process.WaitForExit(TimeSpan.FromSeconds(2)) && process.ExitCode != 0;

    /// <summary>Leaves nothing running, also when the wait for the command was called off.</summary>
    private static void Kill(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private static MeasurementException Failure(string engine, IEnumerable<string> arguments, int exitCode, string error)
    {
        var reason = error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault("it said nothing");
        return new($"'{engine} {string.Join(' ', arguments)}' ended with {exitCode}: {reason}");
    }
}
