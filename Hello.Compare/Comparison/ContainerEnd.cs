using System.Text.Json;
using Hello.Compare.Engine;

namespace Hello.Compare.Comparison;

/// <summary>Tells why a container has ended.</summary>
internal static class ContainerEnd
{
    /// <summary>How much of a line that another program wrote is shown.</summary>
    private const int LineLength = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Finds how a container ended.</summary>
    /// <param name="hide">Removes from a text what must not be shown.</param>
    /// <param name="patience">How long to wait for its end. The engine notes it a moment late.</param>
    /// <returns>One line; null if it runs.</returns>
    public static async Task<string?> FindAsync(ContainerEngine engine, string container, Func<string, string> hide, TimeSpan patience, CancellationToken cancellationToken)
    {
        // {"State":{"Status":"exited","Running":false,"OOMKilled":false,"ExitCode":1}}
        JsonElement state;
        for (var waited = TimeSpan.Zero; ; waited += Pause)
        {
            try
            {
                state = (await engine.InspectAsync("container", container, cancellationToken)).GetProperty("State");
            }
            catch (MeasurementException)
            {
                return null; // it was never made
            }

            if (!state.GetProperty("Running").GetBoolean())
            {
                break;
            }

            if (waited >= patience)
            {
                return null;
            }

            await Task.Delay(Pause, cancellationToken);
        }

        if (state.GetProperty("Status").GetString() is "created" or "initialized")
        {
            return null; // its program could not be started, which is not its end
        }

        var end = WasKilledForMemory(state) ? "it needed more memory than its limit, and was killed" : $"it ended with exit code {state.GetProperty("ExitCode").GetInt32()}";
        var log = await engine.TryRunAsync(["container", "logs", "--timestamps", "--tail", "50", container], cancellationToken);
        if (log.ExitCode != 0)
        {
            return $"{end}. Its log cannot be read.";
        }

        // "2026-11-27T09:08:07.123456789Z no database": in the order of time, because the two streams come one after the other.
        string[] lines = [.. log.Output.Split('\n').Concat(log.Error.Split('\n')).Order(StringComparer.Ordinal).Select(l => l.Split(' ', 2)).Where(l => l.Length == 2).Select(l => l[1].TrimEnd()).Where(l => l.Length > 0)];
        // The lines of a stack trace are indented. The one above them tells the reason.
        return (lines.LastOrDefault(l => !char.IsWhiteSpace(l[0])) ?? lines.LastOrDefault()) is { } last ? $"{end}. Its last line is: {Shorten(hide(last))}" : $"{end}, and wrote nothing";
    }

    /// <summary>Whether the kernel has killed a process of a container because of its limit of memory.</summary>
    /// <param name="state">The container's <c>State</c>.</param>
    public static bool WasKilledForMemory(JsonElement state) => state.TryGetProperty("OOMKilled", out var killed) && killed.GetBoolean();

    /// <summary>A line that another program wrote, not longer than a line.</summary>
    private static string Shorten(string line)
    {
        var text = PlainText.Clean(line);
        return text.Length <= LineLength ? text : $"{text[..LineLength]} …";
    }
}
