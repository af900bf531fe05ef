using System.Runtime.InteropServices;

namespace Hello.AppHost.Comparison;

/// <summary>Under what conditions something was measured.</summary>
/// <param name="Date">When.</param>
/// <param name="Machine">On what.</param>
/// <param name="Engine">By what container engine.</param>
/// <param name="Method">How.</param>
/// <param name="StandIns">Base images that are stand-ins.</param>
internal sealed record Conditions(DateTimeOffset Date, string Machine, string Engine, string Method, IReadOnlyList<string> StandIns)
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

/// <summary>What a comparison came to.</summary>
/// <param name="Images">What was measured of each build, in the model's order; the first is the reference.</param>
/// <param name="Failures">What could not be measured, one line each.</param>
/// <param name="Conditions">Under what conditions.</param>
internal sealed record ComparisonResult(IReadOnlyList<Measurements> Images, IReadOnlyList<string> Failures, Conditions Conditions)
{
    /// <summary>What the last build, the one that takes all the steps, has over the first.</summary>
    public string Headline
    {
        get
        {
            var (reference, last) = (Images[0], Images[^1]);
            List<string> claims = [];
            if (Ratio(Figure.UnpackedSize) is { } size)
            {
                claims.Add(size <= 0.5 ? Format.Invariant($"is 1/{1 / size:N0} of the {reference.Build.Name} image") : Format.Invariant($"is {Format.Ratio(size)} the {reference.Build.Name} image"));
            }

            if (Ratio(Figure.FirstHello) is { } start)
            {
                claims.Add(start <= 1 ? Format.Invariant($"starts {1 / start:N1} times as fast") : Format.Invariant($"takes {start:N1} times as long to start"));
            }

            if (last.Process is { } process)
            {
                claims.Add(Format.Invariant($"runs as UID {process.Uid}"));
            }

            return claims.Count == 0 ? $"{last.Build.Name} could not be measured" : $"{last.Build.Name} {string.Join(", ", claims)}";

            double? Ratio(Figure figure) => figure.Of(last)?.RatioTo(figure.Of(reference));
        }
    }
}
