namespace Hello.Tests;

/// <summary>A process of this machine, as /proc shows it.</summary>
internal sealed record HostProcess(int Id, int Parent, string[] Arguments)
{
    public static HostProcess[] All() =>
        [.. Directory.EnumerateDirectories("/proc").Where(f => char.IsAsciiDigit(Path.GetFileName(f)[0])).Select(Read).OfType<HostProcess>()];

    /// <summary>A variable of the process; null if it is not set or the process has ended.</summary>
    public string? Variable(string name) => IfItRuns(() => File.ReadAllText($"/proc/{Id}/environ"))?
        .Split('\0').FirstOrDefault(v => v.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>What the process's files are linked to, such as <c>socket:[2786247]</c>.</summary>
    public IEnumerable<string> Files() => IfItRuns(() =>
        Directory.EnumerateFiles($"/proc/{Id}/fd").Select(f => new FileInfo(f).LinkTarget).OfType<string>().ToArray()) ?? [];

    // 1234 (name, which may hold anything) S 1 …
    private static HostProcess? Read(string folder) => IfItRuns(() => new HostProcess(
        int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture),
        int.Parse(File.ReadAllText($"{folder}/stat").Split(") ")[^1].Split(' ')[1], CultureInfo.InvariantCulture),
        File.ReadAllText($"{folder}/cmdline").Split('\0')));

    private static T? IfItRuns<T>(Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (IOException)
        {
            return null; // It has ended.
        }
    }
}

/// <summary>The sockets that processes listen on: https://docs.kernel.org/networking/proc_net_tcp.html.</summary>
internal static class TcpListeners
{
    private static readonly string[] Tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    public static (IPEndPoint Address, HostProcess Process)[] Of(IEnumerable<HostProcess> processes)
    {
        var listening = Tables.Where(File.Exists).SelectMany(File.ReadLines)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
            .Where(fields => fields[3] == "0A")
            .ToDictionary(fields => $"socket:[{fields[9]}]", fields => ParseAddress(fields[1]));
        return
        [
            .. from process in processes
               from socket in process.Files().Distinct()
               where listening.ContainsKey(socket)
               select (listening[socket], process),
        ];
    }

    /// <summary>0100007F:1F90 is 127.0.0.1:8080: words of four bytes in the machine's order, the port as people write it.</summary>
    private static IPEndPoint ParseAddress(string text)
    {
        var (address, port) = (Convert.FromHexString(text.Split(':')[0]), text.Split(':')[1]);
        var bytes = BitConverter.IsLittleEndian ? address.Chunk(4).SelectMany(word => word.Reverse()) : address;
        return new(new IPAddress([.. bytes]), int.Parse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
