using System.Diagnostics;
using Hello.Api;

namespace Hello.Tests;

/// <summary>The API as a process of this machine, with no container around it.</summary>
public sealed class ApiProcess : IAsyncDisposable
{
    private const string Listening = "info: Microsoft.Hosting.Lifetime[14] Now listening on: ";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly CancellationTokenSource _limit = new(Limit);

    private ApiProcess(Process process, string[] startLines, Uri address)
    {
        (_process, StartLines) = (process, startLines);
        Client = new() { BaseAddress = address, Timeout = Limit };
    }

    /// <summary>The log up to the line that says that the application has started, and that line's followers.</summary>
    public IReadOnlyList<string> StartLines { get; }

    /// <summary>Asks the first address that the API listens on.</summary>
    public HttpClient Client { get; }

    /// <summary>Starts it and reads its log until it listens. Nobody reads the log after that.</summary>
    /// <param name="settings">Variables such as <c>A=b</c>, and arguments, which begin with a dash.</param>
    public static async Task<ApiProcess> StartAsync(params string[] settings)
    {
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [typeof(Reply).Assembly.Location, .. settings.Where(setting => setting.StartsWith('-'))])
        {
            RedirectStandardOutput = true,
        };
        foreach (var name in start.Environment.Keys.Where(IsOfTheHost).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach (var setting in settings.Where(setting => !setting.StartsWith('-')))
        {
            start.Environment.Add(setting.Split('=')[0], setting[(setting.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        }

        var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        List<string> lines = [];
        try
        {
            // The last of the lines that the host logs when it has started.
            while (!lines.Any(line => line.Contains("Content root path: ", StringComparison.Ordinal)))
            {
                lines.Add(await process.StandardOutput.ReadLineAsync(limit.Token)
                    ?? throw new InvalidOperationException($"The API ended before it had started. Its log: {string.Join('\n', lines)}"));
            }

            var address = lines.First(line => line.StartsWith(Listening, StringComparison.Ordinal))[Listening.Length..];
            return new(process, [.. lines], new(address.Replace("[::]", "127.0.0.1", StringComparison.Ordinal)));
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }

        // Those that a test run, or a developer's shell, may have.
        static bool IsOfTheHost(string name) => name is "URLS" or "HTTP_PORTS" or "HTTPS_PORTS"
            || name.StartsWith("ASPNETCORE_", StringComparison.OrdinalIgnoreCase) || name.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("Logging__", StringComparison.OrdinalIgnoreCase) || name.StartsWith("Kestrel__", StringComparison.OrdinalIgnoreCase)
            || name.Equals("DOTNET_ENVIRONMENT", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Sends SIGTERM.</summary>
    public Task TerminateAsync() => CommandLine.RunAsync("kill", "-TERM", $"{_process.Id}");

    /// <summary>Waits for its end, and does not read its log.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync(_limit.Token);
        return _process.ExitCode;
    }

    /// <summary>Reads the rest of the log, until a line is the wanted one or the log ends.</summary>
    /// <param name="isWanted">Judges a line.</param>
    /// <returns>The lines.</returns>
    public async Task<List<string>> ReadLogAsync(Func<string, bool> isWanted)
    {
        List<string> lines = [];
        while (await _process.StandardOutput.ReadLineAsync(_limit.Token) is { } line)
        {
            lines.Add(line);
            if (isWanted(line))
            {
                break;
            }
        }

        return lines;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
        _limit.Dispose();
    }
}
