namespace Hello.Tests;

/// <summary>An AppHost in a process of its own, asked as its dashboard asks it.</summary>
public sealed class RunningAppHost : IAsyncDisposable
{
    /// <summary>A first run builds the images.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly RunningProgram _program;
    private readonly string[] _before;

    private RunningAppHost(Dictionary<string, string?> environment, string[] before)
    {
        Environment = environment;
        _before = before;
        _program = new(CommandLine.AppHost(environment));
        Service = new(new Uri(environment["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"]!), environment["ASPIRE_DASHBOARD_RESOURCESERVICE_APIKEY"]);
    }

    /// <summary>Its variables.</summary>
    public Dictionary<string, string?> Environment { get; }

    /// <summary>What its dashboard asks.</summary>
    public ResourceService Service { get; }

    /// <summary>Starts one.</summary>
    /// <param name="environment">Its variables; the addresses of a launch profile among them.</param>
    /// <returns>The AppHost, which may not answer yet.</returns>
    public static async Task<RunningAppHost> StartAsync(Dictionary<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return new(new(environment) { ["ASPIRE_DASHBOARD_RESOURCESERVICE_APIKEY"] = Guid.NewGuid().ToString("N") }, await AppHostBelongings.ListAsync());
    }

    /// <summary>Waits until resources are in one of some states.</summary>
    /// <param name="expected">The states.</param>
    /// <param name="resources">Their names.</param>
    /// <returns>The ID of each.</returns>
    public async Task<Dictionary<string, string>> WaitForAsync(string[] expected, string[] resources)
    {
        var states = await CommandLine.PollAsync(
            StatesAsync, s => _program.HasEnded || resources.All(r => expected.Contains(s.GetValueOrDefault(r).State)), Limit);
        Assert.True(
            resources.All(r => expected.Contains(states.GetValueOrDefault(r).State)),
            $"Not all are {string.Join(" or ", expected)}: {string.Join(", ", states.Select(s => $"{s.Key} is {s.Value.State}"))}. {(_program.HasEnded ? "It has ended: " : "")}{string.Join('\n', _program.Lines)}");
        return resources.ToDictionary(r => r, r => states[r].Id);

        async Task<Dictionary<string, (string State, string Id)>> StatesAsync()
        {
            try
            {
                return await Service.StatesAsync();
            }
            catch (HttpRequestException)
            {
                return []; // It does not listen yet.
            }
        }
    }

    /// <summary>Ends it as Ctrl+C does; it is to end well, to have shown no stack trace and to leave nothing behind.</summary>
    /// <param name="onceEnded">What is to be done then, before it is looked at what is left.</param>
    /// <returns>What it has said, once nothing is left.</returns>
    public async Task<string> StopAsync(Action? onceEnded = null)
    {
        string[] own = [.. (await AppHostBelongings.ListAsync()).Except(_before)];
        await _program.SignalAsync("INT");
        var (exitCode, output, error) = await _program.EndAsync(TimeSpan.FromSeconds(60));

        var said = $"{output}\n{error}";
        Assert.True(exitCode == 0, $"It ended with {exitCode}: {said}");
        Assert.DoesNotContain("\n   at ", said, StringComparison.Ordinal);
        onceEnded?.Invoke();
        Assert.Empty(await AppHostBelongings.LeftOfAsync(own));
        Assert.Empty(await CommandLine.PollAsync(() => AppHostBelongings.OrchestratorsOfAsync(_program.Id), o => o.Length == 0, TimeSpan.FromSeconds(40)));
        return said;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_program.HasEnded)
        {
            await _program.DisposeAsync(); // DCP tidies up behind it
            await CommandLine.PollAsync(() => AppHostBelongings.OrchestratorsOfAsync(_program.Id), o => o.Length == 0, TimeSpan.FromSeconds(40));
        }

        Service.Dispose();
    }
}
