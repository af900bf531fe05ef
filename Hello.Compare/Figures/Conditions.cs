namespace Hello.Compare.Figures;

/// <summary>The conditions of a measurement.</summary>
/// <param name="Machine">Processor, cores, memory and system.</param>
/// <param name="StandIns">The base images, also of build stages, that are stand-ins.</param>
internal sealed record Conditions(
    DateTimeOffset Date, string Machine, string Engine, string Method, IReadOnlyList<string> StandIns)
{
    public IReadOnlyList<(string Name, string Text)> Lines =>
    [
        ("Date", Format.Invariant($"{Date.UtcDateTime:yyyy-MM-dd HH:mm} UTC")),
        ("Machine", Machine),
        ("Container engine", Engine),
        ("Method", Method),
        ("Base images", StandIns.Count == 0
            ? "the ones that the Dockerfiles name"
            : $"{string.Join(", ", StandIns)} are stand-ins made of Debian packages with glibc, because their registry could not be reached. "
                + "Sizes differ from those of the real images"),
    ];
}
