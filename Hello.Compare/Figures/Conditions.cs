using System.Runtime.InteropServices;

namespace Hello.Compare.Figures;

/// <summary>Under what conditions something was measured.</summary>
/// <param name="Date">When.</param>
/// <param name="Machine">On what.</param>
/// <param name="Engine">By what container engine.</param>
/// <param name="Method">How.</param>
/// <param name="StandIns">Base images that are stand-ins.</param>
public sealed record Conditions(DateTimeOffset Date, string Machine, string Engine, string Method, IReadOnlyList<string> StandIns)
{
    /// <summary>The conditions as a reader sees them.</summary>
    public IReadOnlyList<(string Name, string Text)> Lines =>
    [
        ("Date", Format.Invariant($"{Date.UtcDateTime:yyyy-MM-dd HH:mm} UTC")),
        ("Machine", Machine),
        ("Container engine", Engine),
        ("Method", Method),
        ("Base images", StandIns.Count == 0
            ? "those that the Dockerfiles name"
            : $"stand-ins, made of Debian packages with glibc, in the place of {string.Join(", ", StandIns)}, whose registry could not be reached: sizes differ from those of the real ones"),
    ];

    /// <summary>What this machine is.</summary>
    /// <returns>Processor, cores, memory and system, without its name.</returns>
    public static string DescribeMachine()
    {
        const string CpuInfo = "/proc/cpuinfo"; // "model name	: AMD EPYC …": proc_cpuinfo(5)
        var processor = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() : null;
        return Format.Invariant(
            $"{processor ?? "processor"} ({RuntimeInformation.OSArchitecture}), {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:N0} GB, {RuntimeInformation.OSDescription}");
    }
}
