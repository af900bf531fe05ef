using System.Diagnostics;

namespace Hello.Tests;

/// <summary>An AppHost in a process of its own, asked as its dashboard asks it.</summary>
public sealed class RunningAppHost : IAsyncDisposable
{
    /// <summary>A first run builds the images.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly string[] _before;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private RunningAppHost(Dictionary<string, string> environment, string[] before)
    {
        Environment = environment;
        _before = before;
        _process = AppHostProcess.Start(environment);
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
        Service = new(new Uri(environment["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"]), environment["ASPIRE_DASHBOARD_RESOURCESERVICE_APIKEY"]);
    }

    /// <summary>Its variables.</summary>
    public Dictionary<string, string> Environment { get; }

    /// <summary>What its dashboard asks.</summary>
    public ResourceService Service { get; }

    /// <summary>Starts one.</summary>
    /// <param name="environment">Its variables; the addresses of a launch profile among them.</param>
    /// <returns>The AppHost, which may not answer yet.</returns>
    public static async Task<RunningAppHost> StartAsync(Dictionary<string, string> environment)
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
            StatesAsync, s => _process.HasExited || resources.All(r => expected.Contains(s.GetValueOrDefault(r).State)), Limit);
        Assert.True(
            resources.All(r => expected.Contains(states.GetValueOrDefault(r).State)),
            $"Not all are {string.Join(" or ", expected)}: {string.Join(", ", states.Select(s => $"{s.Key} is {s.Value.State}"))}. {(_process.HasExited ? $"It has ended: {await _output}{await _error}" : "")}");
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
        await AppHostProcess.SignalAsync(_process, "INT");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(limit.Token);

        var said = await _output + await _error;
        Assert.True(_process.ExitCode == 0, $"It ended with {_process.ExitCode}: {said}");
        Assert.DoesNotContain("\n   at ", said, StringComparison.Ordinal);
        onceEnded?.Invoke();
        Assert.Empty(await AppHostBelongings.LeftOfAsync(own));
        Assert.Empty(await CommandLine.PollAsync(() => AppHostBelongings.OrchestratorsOfAsync(_process.Id), o => o.Length == 0, TimeSpan.FromSeconds(40)));
        return said;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(); // DCP tidies up behind it
            await CommandLine.PollAsync(() => AppHostBelongings.OrchestratorsOfAsync(_process.Id), o => o.Length == 0, TimeSpan.FromSeconds(40));
        }

        Service.Dispose();
        _process.Dispose();
    }
}
