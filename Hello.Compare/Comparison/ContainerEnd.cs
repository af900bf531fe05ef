namespace Hello.Compare.Comparison;

/// <summary>Tells why a container has ended.</summary>
internal static class ContainerEnd
{
    private const int LineLength = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <param name="patience">How long to wait for its end. The engine notes it a moment late.</param>
    /// <returns>One line; null if it runs, or if it never ran.</returns>
    public static async Task<string?> FindAsync(
        ContainerEngine engine, string container, Func<string, string> hide, TimeSpan patience, CancellationToken cancellationToken)
    {
        var state = await FindStateAsync();
        for (var waited = TimeSpan.Zero; state?.Running == true && waited < patience; waited += Pause)
        {
            await Task.Delay(Pause, cancellationToken);
            state = await FindStateAsync();
        }

        if (state is null or { Running: true } or { Status: "created" or "initialized" })
        {
            return null;
        }

        var end = state.OOMKilled ? "it needed more memory than its limit, and was killed" : Format.Invariant($"it ended with exit code {state.ExitCode}");
        var log = await engine.TryRunAsync(["container", "logs", "--timestamps", "--tail", "50", container], cancellationToken);
        if (log.ExitCode != 0)
        {
            return $"{end}. Its log cannot be read.";
        }

        // "2026-11-27T09:08:07.123456789Z no database": in the order of time, because the two streams come one after the other.
        string[] lines =
        [
            .. log.Output.Split('\n').Concat(log.Error.Split('\n')).Order(StringComparer.Ordinal)
                .Select(l => l.Split(' ', 2).ElementAtOrDefault(1)?.TrimEnd() ?? "").Where(l => l.Length > 0),
        ];
        // The lines of a stack trace are indented. The one above them tells the reason.
        return (lines.LastOrDefault(l => !char.IsWhiteSpace(l[0])) ?? lines.LastOrDefault()) is { } last
            ? $"{end}. Its last line is: {PlainText.Shorten(hide(last), LineLength)}"
            : $"{end}, and wrote nothing";

        async Task<ContainerState?> FindStateAsync()
        {
            try
            {
                return (await engine.InspectAsync<ContainerAnswer>("container", container, cancellationToken)).State;
            }
            catch (MeasurementException)
            {
                return null; // it was never made
            }
        }
    }
}
