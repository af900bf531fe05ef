using System.Runtime.InteropServices;

namespace Hello.Compare.Figures;

/// <summary>The conditions of a measurement.</summary>
/// <param name="Machine">Processor, cores, memory and system.</param>
/// <param name="Engine">Name and version of the container engine.</param>
/// <param name="StandIns">The base images, also of build stages, that are stand-ins.</param>
/// <param name="Reading">How fast images were read that were not built here, and how much memory this program needed; null if there were none.</param>
internal sealed record Conditions(
    DateTimeOffset Date, string Machine, string Engine, string Method, IReadOnlyList<string> StandIns, string? Reading = null)
{
    /// <summary>The conditions as lines for a reader.</summary>
    public IReadOnlyList<(string Name, string Text)> Lines =>
    [
        ("Date", Format.Invariant($"{Date.UtcDateTime:yyyy-MM-dd HH:mm} UTC")),
        ("Machine", Machine),
        ("Container engine", Engine),
        ("Method", Method),
        ("Base images", StandIns.Count == 0
            ? "the ones that the Dockerfiles name"
            : $"{string.Join(", ", StandIns)} are stand-ins made of Debian packages with glibc, because their registry could not be reached. Sizes differ from those of the real images"),
        .. Reading is null ? Array.Empty<(string, string)>() : [("Reading", Reading)],
    ];

    /// <summary>Processor, cores, memory and system of this machine, without its host name.</summary>
    internal static string DescribeMachine()
    {
        const string CpuInfo = "/proc/cpuinfo"; // "model name	: AMD EPYC …": proc_cpuinfo(5)
        var processor = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() : null;
        return Format.Invariant(
            $"{processor ?? "processor"} ({RuntimeInformation.OSArchitecture}), {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:N0} GB, {RuntimeInformation.OSDescription}");
    }
}
