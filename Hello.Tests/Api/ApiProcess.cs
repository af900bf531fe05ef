namespace Hello.Tests;

/// <summary>The API as a process of this machine, with no container around it.</summary>
internal sealed class ApiProcess : IAsyncDisposable
{
    private const string Listening = "info: Microsoft.Hosting.Lifetime[14] Now listening on: ";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _limit = new(Limit);
    private readonly CancellationTokenSource _kill = new();
    private readonly TaskCompletionSource<StreamReader> _log = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CommandTask<CommandResult> _program;

    private ApiProcess(Command command) => _program = ProgramRunner.Start(
        // The test reads lines only when it asks for them. The pipe stays open until the process has ended.
        command.WithStandardOutputPipe(PipeTarget.Create(async (stream, _) =>
        {
            _log.SetResult(new(stream));
            await _read.Task;
        })),
        _kill.Token);

    /// <summary>The log up to the last line that the host writes when it has started.</summary>
    public List<string> StartLines { get; private set; } = [];

    /// <summary>Asks the first address that the API listens on.</summary>
    public HttpClient Client { get; } = new() { Timeout = Limit };

    /// <summary>Starts it and reads its log until it listens. Nobody reads the log after that.</summary>
    /// <param name="settings">Variables such as <c>A=b</c>, and arguments, which are empty or begin with a dash.</param>
    public static async Task<ApiProcess> StartAsync(params string[] settings)
    {
        var api = new ApiProcess(Command(settings));
        try
        {
            api.StartLines = await api.ReadLogAsync(line => line.Contains("Content root path: ", StringComparison.Ordinal));
            var address = api.StartLines.FirstOrDefault(line => line.StartsWith(Listening, StringComparison.Ordinal))?[Listening.Length..]
                ?? throw new InvalidOperationException($"The API ended before it had started. Its log: {string.Join('\n', api.StartLines)}");
            // A Unix socket has no such address.
            _ = Uri.TryCreate(address.Replace("[::]", "127.0.0.1", StringComparison.Ordinal), UriKind.Absolute, out var first);
            api.Client.BaseAddress = first;
            return api;
        }
        catch
        {
            await api.DisposeAsync();
            throw;
        }
    }

    /// <summary>The command that starts it.</summary>
    /// <param name="settings">Variables such as <c>A=b</c>, and arguments, which are empty or begin with a dash.</param>
    public static Command Command(params string[] settings)
    {
        // A test run or a developer's shell may have set variables that the API reads.
        string[] prefixes = ["ASPNETCORE_", "DOTNET_ENVIRONMENT", "OTEL_", "Logging__", "Kestrel__", "URLS", "HTTP_PORTS", "HTTPS_PORTS"];
        var variables = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            .ToDictionary(name => name, _ => (string?)null);
        foreach (var setting in settings.Where(setting => !IsArgument(setting)).Select(setting => setting.Split('=', 2)))
        {
            variables[setting[0]] = setting[1];
        }

        return Cli.Wrap(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
            .WithArguments([typeof(Reply).Assembly.Location, .. settings.Where(IsArgument)])
            .WithEnvironmentVariables(variables);
    }

    public static bool IsArgument(string setting) => setting is "" or ['-', ..];

    public Task TerminateAsync() => CommandLine.RunAsync("kill", "-TERM", $"{_program.ProcessId}");

    /// <summary>Waits for its end, and does not read its log.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> WaitAsync()
    {
        // The command itself ends only once its output has been read.
        var isGone = await CommandLine.PollAsync(
            () => CommandLine.TryAsync("kill", "-0", $"{_program.ProcessId}"), asked => asked.ExitCode != 0, Limit);
        Assert.True(isGone.ExitCode != 0, "The API runs on.");
        _read.TrySetResult();
        return (await _program).ExitCode;
    }

    /// <summary>Reads the rest of the log, until a line is the wanted one or the log ends.</summary>
    public async Task<List<string>> ReadLogAsync(Func<string, bool> isWanted)
    {
        var log = await _log.Task.WaitAsync(_limit.Token);
        List<string> lines = [];
        while (await log.ReadLineAsync(_limit.Token) is { } line)
        {
            lines.Add(line);
            if (isWanted(line))
            {
                break;
            }
        }

        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _kill.CancelAsync();
        _read.TrySetResult();
        await ((Task)_program.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _kill.Dispose();
        _limit.Dispose();
    }
}
