using System.Globalization;
using System.Numerics;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>The properties of a process, read from <c>/proc/PID/status</c>: proc_pid_status(5).</summary>
/// <param name="Uid">Effective user ID.</param>
/// <param name="Gid">Effective group ID.</param>
/// <param name="Capabilities">Names of the effective capabilities: capabilities(7).</param>
/// <param name="ResidentBytes">Resident memory now.</param>
/// <param name="PeakResidentBytes">Peak of the resident memory.</param>
/// <param name="Processes">How many processes the memory and the threads are of.</param>
public sealed record ProcessFacts(int Uid, int Gid, IReadOnlyList<string> Capabilities, long ResidentBytes, long PeakResidentBytes, int Threads, int Processes = 1)
{
    /// <summary>The process together with one that it has started. User and capabilities stay those of this one.</summary>
    public ProcessFacts With(ProcessFacts other) => this with
    {
        ResidentBytes = ResidentBytes + other.ResidentBytes,
        PeakResidentBytes = PeakResidentBytes + other.PeakResidentBytes,
        Threads = Threads + other.Threads,
        Processes = Processes + other.Processes,
    };

    /// <summary>The names in the order of their bits: https://github.com/torvalds/linux/blob/master/include/uapi/linux/capability.h.</summary>
    private static readonly string[] CapabilityNames =
    [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
        "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace",
        "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write",
        "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
        "checkpoint_restore",
    ];

    /// <summary>Parses the text of the file.</summary>
    /// <param name="status">
    /// <c>Uid:	10001	10001	10001	10001</c> (real, effective, saved, file system), <c>CapEff:	00000000a80425fb</c>, <c>VmRSS:	   26912 kB</c>, …
    /// </param>
    /// <param name="userMap"><c>/proc/PID/uid_map</c>, if the status has the IDs of this machine and not those of the container.</param>
    /// <param name="groupMap"><c>/proc/PID/gid_map</c>.</param>
    /// <exception cref="MeasurementException">A line is missing, or the container has no such ID.</exception>
    public static ProcessFacts Parse(string status, string? userMap = null, string? groupMap = null)
    {
        var lines = status.Split('\n').Select(l => l.Split(':', 2)).Where(l => l.Length == 2).ToDictionary(l => l[0], l => l[1].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return new(
            Inside(Field("Uid", 1), userMap),
            Inside(Field("Gid", 1), groupMap),
            Names(ulong.Parse(Field("CapEff", 0), NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
            Bytes("VmRSS"),
            Bytes("VmHWM"),
            int.Parse(Field("Threads", 0), CultureInfo.InvariantCulture));

        string Field(string name, int index) => lines.GetValueOrDefault(name)?.ElementAtOrDefault(index)
            ?? throw new MeasurementException($"The status of the process has no {name}. The process may have ended: see the container's log.");

        long Bytes(string name) => long.Parse(Field(name, 0), CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>Translates an ID of this machine into the container's: user_namespaces(7).</summary>
    /// <param name="map"><c>         0     100000      65536</c>: the first ID in the container, the first on this machine, and how many.</param>
    private static int Inside(string id, string? map)
    {
        var outside = long.Parse(id, CultureInfo.InvariantCulture);
        var lines = map?.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray());
        return lines is null
            ? (int)outside
            : (int)(lines.Where(l => outside >= l[1] && outside < l[1] + l[2]).Select(l => (long?)(outside - l[1] + l[0])).FirstOrDefault()
                ?? throw new MeasurementException($"The process has the ID {id}, which its user namespace does not map."));
    }

    private static string[] Names(ulong bits) =>
        [.. Enumerable.Range(0, 64 - BitOperations.LeadingZeroCount(bits)).Where(i => (bits >> i & 1) == 1).Select(i => CapabilityNames.ElementAtOrDefault(i) ?? $"bit {i}")];
}
