using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Dcp;

/// <summary>Starts DCP, which ends by itself, containers and all, when the AppHost has gone.</summary>
internal sealed class DcpProcess(AppHostMetadata appHost, IConfiguration configuration, ILogger<DcpProcess> logger)
{
    /// <summary>Settings of the AppHost that would change how the processes under DCP behave.</summary>
    private static readonly string[] NotInherited = ["ASPNETCORE_URLS", "DOTNET_LAUNCH_PROFILE", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT"];

    private readonly string? _containerRuntime = configuration["ASPIRE_CONTAINER_RUNTIME"];

    private string ExecutablePath
    {
        get
        {
            var path = configuration["ASPIRE_DCP_PATH"] is { Length: > 0 } folder ? Path.Combine(folder, "dcp") : appHost.Read("dcpclipath");
            return File.Exists(path)
                ? path
                : throw new DistributedApplicationException($"The Developer Control Plane is not installed at \"{path}\". The application cannot be run without it. Run eng/setup.sh to install it.");
        }
    }

    /// <summary>Asks whether there is a working container engine.</summary>
    /// <param name="timeout">How long to wait for one to answer; when it is zero, only a warning is logged.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is wrong; null when there is one.</returns>
    /// <exception cref="DistributedApplicationException">There is none, and there was a time-out.</exception>
    public async Task<string?> CheckContainerRuntimeAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var deadline = Stopwatch.StartNew();
        for (; ; )
        {
            var engine = (await GetInfoAsync(cancellationToken).ConfigureAwait(false)).Containers;
            if (engine is { Installed: true, Running: true })
            {
                return null;
            }

            if (deadline.Elapsed < timeout)
            {
                await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken).ConfigureAwait(false);
                continue;
            }

            var name = _containerRuntime ?? engine?.Runtime ?? "docker";
            var message = engine is { Installed: true }
                ? $"Container runtime '{name}' was found but appears to be unhealthy. Ensure that {name} is running: eng/setup.sh starts it."
                : $"Container runtime '{name}' could not be found. See https://aka.ms/aspire/containers for more details on supported container runtimes; eng/setup.sh installs one.";
            logger.LogWarning("{Message}", message);
            return timeout > TimeSpan.Zero ? throw new DistributedApplicationException(message) : message;
        }
    }

    /// <summary>Starts DCP's API server.</summary>
    /// <param name="sessionFolder">A folder of its own for the kubeconfig; DCP deletes it at its end.</param>
    /// <param name="cancellationToken">Calls the start off.</param>
    /// <returns>A client of the server.</returns>
    public async Task<DcpClient> StartAsync(DirectoryInfo sessionFolder, CancellationToken cancellationToken)
    {
        var kubeconfig = new FileInfo(Path.Combine(sessionFolder.FullName, "kubeconfig"));
        var start = Command(
            "start-apiserver",
            "--monitor", Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture),
            "--detach",
            "--kubeconfig", kubeconfig.FullName);
        start.Environment["DCP_SESSION_FOLDER"] = sessionFolder.FullName;
        foreach (var name in NotInherited)
        {
            start.Environment.Remove(name);
        }

        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        if (process.ExitCode != 0)
        {
            throw new DistributedApplicationException($"DCP failed to start, exit code {process.ExitCode}: {await process.StandardError.ReadToEndAsync(cancellationToken).ConfigureAwait(false)}");
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            return await DcpClient.ConnectAsync(kubeconfig, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DistributedApplicationException($"DCP was started but has not written {kubeconfig.FullName} within 20 s.");
        }
    }

    private async Task<DcpInfo> GetInfoAsync(CancellationToken cancellationToken)
    {
        using var process = Process.Start(Command("info"))!;
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize(output, DcpJson.Default.DcpInfo)!
            : throw new DistributedApplicationException($"'dcp info' failed, exit code {process.ExitCode}: {await error.ConfigureAwait(false)}");
    }

    private ProcessStartInfo Command(params IEnumerable<string> arguments) =>
        new(ExecutablePath, _containerRuntime is null ? arguments : [.. arguments, "--container-runtime", _containerRuntime])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
}
