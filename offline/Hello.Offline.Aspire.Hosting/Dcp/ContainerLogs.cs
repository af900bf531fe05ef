using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Dcp;

/// <summary>Copies what a container and the build of its image write into the resource's console log.</summary>
internal sealed class ContainerLogs(DcpClient dcp, ResourceLoggerService logs, string id, CancellationToken cancellationToken)
{
    /// <summary>The sources that DCP offers; docker writes the progress of a build to standard error, which makes it no error.</summary>
    private static readonly (string Name, bool IsError)[] OfStartup = [("startup_stdout", false), ("startup_stderr", false)];
    private static readonly (string Name, bool IsError)[] OfContainer = [("stdout", false), ("stderr", true)];

    private readonly Dictionary<string, Task> _followed = [];

    public Task Completion => Task.WhenAll(_followed.Values);

    /// <summary>Begins with the sources that a container in this state has; a source once begun is followed to its end.</summary>
    public void FollowWhatThereIs(string? state)
    {
        if (state is null or "" or "Pending")
        {
            return;
        }

        Follow(OfStartup);
        if (state is "Running" or "Stopping" or "Exited" or "Paused")
        {
            Follow(OfContainer);
        }
    }

    private void Follow((string Name, bool IsError)[] sources)
    {
        foreach (var (name, isError) in sources)
        {
            if (!_followed.ContainsKey(name))
            {
                _followed[name] = CopyAsync(name, isError);
            }
        }
    }

    private async Task CopyAsync(string source, bool isError)
    {
        try
        {
            await foreach (var line in dcp.FollowLogAsync(DcpKinds.Container, id, source, cancellationToken).ConfigureAwait(false))
            {
                logs.Write(id, line, isError);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or DistributedApplicationException)
        {
            logs.Write(id, $"{DateTime.UtcNow:O} The log's source '{source}' broke off: {e.Message}", isError: true);
        }
    }
}
