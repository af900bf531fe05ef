using System.Numerics;

namespace Hello.Compare.Probe;

/// <summary>The processes of a container: process 1 and all that it has started.</summary>
/// <param name="Capabilities">How many effective capabilities process 1 has: capabilities(7).</param>
/// <param name="ResidentBytes">Resident memory now. Memory that several of the processes share counts once.</param>
/// <param name="PeakResidentBytes">Peak of the resident memory. Memory that is shared now counts once.</param>
public sealed record ProcessFacts(int Uid, int Gid, int Capabilities, long ResidentBytes, long PeakResidentBytes, int Processes = 1)
{
    /// <param name="processes">Process 1 first: the texts of <c>/proc/PID/status</c> and <c>/proc/PID/smaps</c>, proc_pid_status(5) and proc_pid_smaps(5).</param>
    internal static ProcessFacts Of(IReadOnlyList<(string Status, string Smaps)> processes)
    {
        // "Uid:	10001	10001	10001	10001" (real, effective, saved, file system), "CapEff:	00000000a80425fb", "VmRSS:	   26912 kB"
        var fields = processes.Select(p => p.Status.Split('\n').Select(l => l.Split(':', 2)).Where(l => l.Length == 2)
            .ToDictionary(l => l[0], l => l[1].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))).ToArray();
        // A security module may hide the details of a process.
        var resident = processes.All(p => p.Smaps.Length > 0) ? ResidentBytesOf(processes.Select(p => p.Smaps)) : fields.Sum(f => Bytes(f, "VmRSS"));
        return new(
            int.Parse(Field(fields[0], "Uid", 1), CultureInfo.InvariantCulture),
            int.Parse(Field(fields[0], "Gid", 1), CultureInfo.InvariantCulture),
            BitOperations.PopCount(ulong.Parse(Field(fields[0], "CapEff", 0), NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
            resident,
            resident + fields.Sum(f => Bytes(f, "VmHWM") - Bytes(f, "VmRSS")),
            fields.Length);

        static string Field(Dictionary<string, string[]> fields, string name, int index) => fields.GetValueOrDefault(name)?.ElementAtOrDefault(index)
            ?? throw new MeasurementException($"The status of the process has no {name}.");

        static long Bytes(Dictionary<string, string[]> fields, string name) => long.Parse(Field(fields, name, 0), CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>Adds up the resident memory of several processes. Not the kernel's Pss of files, because the probe itself may share those.</summary>
    private static long ResidentBytesOf(IEnumerable<string> smaps)
    {
        // "7f3c8a200000-7f3c8a400000 r-xp 00026000 08:01 1837465  /usr/lib/libc.so.6", then "Rss:  412 kB", "Pss:  68 kB", "Anonymous:  8 kB", …
        var anonymous = 0L;
        Dictionary<string, long> files = [];
        foreach (var text in smaps)
        {
            var (file, rss) = ("", 0L);
            foreach (var words in text.Split('\n').Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)))
            {
                switch (words)
                {
                    case [var range, { Length: 4 }, var offset, var device, var inode, ..] when range.Contains('-', StringComparison.Ordinal):
                        file = inode == "0" ? "" : $"{device} {inode} {offset}";
                        break;
                    case ["Rss:", var kilobytes, "kB"]:
                        rss = Number(kilobytes);
                        break;
                    case ["Pss:", var kilobytes, "kB"] when file.Length == 0:
                        anonymous += Number(kilobytes);
                        break;
                    case ["Anonymous:", var kilobytes, "kB"] when file.Length > 0:
                        // A page of the file that the process has changed is its own.
                        anonymous += Number(kilobytes);
                        files[file] = Math.Max(files.GetValueOrDefault(file), rss - Number(kilobytes));
                        break;
                }
            }
        }

        return (anonymous + files.Values.Sum()) * 1024;

        static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }
}
