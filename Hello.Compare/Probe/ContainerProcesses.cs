namespace Hello.Compare.Probe;

/// <summary>Reads the kernel's files about the processes of the container beside which this program runs: proc(5).</summary>
internal static class ContainerProcesses
{
    /// <summary>Process 1 and all that it has started, in this order. Another process is one of a probe, or of <c>docker exec</c>.</summary>
    public static ProcessFacts Read() => ProcessFacts.Of([.. Own().Select(p => (p.Status, TryRead(p.Id, "smaps") ?? ""))]);

    public static IReadOnlyList<IPEndPoint> FindListening()
    {
        var sockets = Own().SelectMany(p => SocketsOf(p.Id)).ToHashSet();
        return [.. Sockets().Where(l => sockets.Contains(l.Socket)).Select(l => l.Address!)];
    }

    public static bool AnyListens(int port) => Sockets().Any(l => l.Address?.Port == port);

    private static List<(string Id, string Status)> Own()
    {
        var all = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).OfType<string>().Where(id => id.All(char.IsAsciiDigit))
            .Select(id => (Id: id, Status: TryRead(id, "status")))
            .Where(p => p.Status?.Contains("\nVmRSS:", StringComparison.Ordinal) == true) // one that has ended has no memory
            .Select(p => (p.Id, Status: p.Status!)).ToArray();
        var children = all.ToLookup(p => p.Status.Split("\nPPid:", 2)[1].Split('\n')[0].Trim());
        List<(string Id, string Status)> own = [.. all.Where(p => p.Id == "1")];
        for (var i = 0; i < own.Count; i++)
        {
            own.AddRange(children[own[i].Id]);
        }

        return own.Count > 0 ? own : throw new MeasurementException("its process 1 cannot be read.");
    }

    /// <summary>The inodes of a process's sockets: <c>/proc/1/fd/9 -> socket:[2786247]</c>.</summary>
    private static IEnumerable<string> SocketsOf(string process)
    {
        var targets = TryRead(() => new DirectoryInfo($"/proc/{process}/fd").EnumerateFileSystemInfos().Select(f => f.LinkTarget ?? "").ToArray()) ?? [];
        return targets.Where(target => target.StartsWith("socket:[", StringComparison.Ordinal)).Select(target => target[8..^1]);
    }

    /// <summary>Reads a line of proc_net(5): <c>   0: 0100007F:1F90 00000000:0000 0A … 2786247</c> is 127.0.0.1:8080 in the state "listening".</summary>
    private static (IPEndPoint? Address, string Socket) Parse(string line)
    {
        if (line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not [_, var local, _, "0A", _, _, _, _, _, var inode, ..]
            || local.Split(':') is not [var address, var port])
        {
            return (null, "");
        }

        // Each group of four bytes is a number in the order of this machine.
        var bytes = Convert.FromHexString(address).Chunk(4).SelectMany(group => BitConverter.IsLittleEndian ? group.Reverse() : group).ToArray();
        return (new(new IPAddress(bytes), int.Parse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture)), inode);
    }

    private static IEnumerable<(IPEndPoint? Address, string Socket)> Sockets() =>
        ((string[])["/proc/net/tcp", "/proc/net/tcp6"]).Where(File.Exists).SelectMany(File.ReadLines).Select(Parse); // there may be no IPv6

    private static string? TryRead(string process, string file) => TryRead(() => File.ReadAllText($"/proc/{process}/{file}"));

    private static T? TryRead<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default; // the process has ended
        }
    }
}
