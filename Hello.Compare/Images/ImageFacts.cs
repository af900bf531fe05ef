using System.Text.Json;

namespace Hello.Compare.Images;

/// <summary>What an image is, read from its archive and its Dockerfile.</summary>
/// <param name="UnpackedBytes">Sum of the contents of the entries of all layers: what the image takes on a disk.</param>
/// <param name="CompressedBytes">Sum of the compressed layers: what a registry transfers.</param>
/// <param name="Layers">How many layers it has.</param>
/// <param name="Files">How many names of files a container sees; what an upper layer deletes is not among them.</param>
/// <param name="User">Name of the configured user, or what is configured where the image has no name for it; "root" when none is configured.</param>
/// <param name="Shells">The shells in it.</param>
/// <param name="PackageManagers">The package managers in it: programs whose database is there, too.</param>
/// <param name="IsStatic">Whether the program that it starts is a static binary; null when it is no ELF file.</param>
/// <param name="Base">What it was built on.</param>
/// <param name="StandIns">Those of the base images, of its own and of its build stages, that are stand-ins.</param>
public sealed record ImageFacts(
    long UnpackedBytes,
    long CompressedBytes,
    int Layers,
    int Files,
    string User,
    IReadOnlyList<string> Shells,
    IReadOnlyList<string> PackageManagers,
    bool? IsStatic,
    string Base,
    IReadOnlyList<string> StandIns)
{
    private const string DefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly string[] KnownShells = ["sh", "ash", "bash", "dash", "zsh"];

    /// <summary>Where package managers keep their databases, files or folders, and the programs that use them.</summary>
    private static readonly (string[] Databases, string[] Programs)[] KnownPackageManagers =
    [
        (["lib/apk/db/installed", "usr/lib/apk/db/installed"], ["apk"]),
        (["var/lib/dpkg/status"], ["apt-get", "dpkg"]),
        (["var/lib/rpm", "usr/lib/sysimage/rpm"], ["dnf", "microdnf", "tdnf", "yum", "rpm", "zypper"]),
        (["var/lib/pacman/local"], ["pacman"]),
    ];

    /// <summary>Puts the facts together.</summary>
    /// <param name="archive">The image's archive.</param>
    /// <param name="dockerfile">What it was built from.</param>
    /// <param name="standIns">Those of its base images that are stand-ins.</param>
    /// <returns>The facts.</returns>
    public static ImageFacts Of(ImageArchive archive, Dockerfile dockerfile, IReadOnlyList<string> standIns)
    {
        var files = new ImageFileSystem(archive.MergeLayers());
        // Every member may be missing or null: {"config":{"User":"10001:10001","Env":["PATH=…"],"Entrypoint":["/hello-api"],"Cmd":null,"WorkingDir":"/"}}
        var config = archive.Config.TryGetProperty("config", out var found) ? found : default;
        string[] command = [.. Strings("Entrypoint"), .. Strings("Cmd")];
        var program = command is [var first, ..] ? files.FindProgram(first, SearchPath(), Text("WorkingDir")) : null;

        return new(
            archive.Layers.Sum(l => l.UnpackedBytes),
            archive.Layers.Sum(l => l.CompressedBytes),
            archive.Layers.Count,
            files.FileCount,
            NameOfUser(),
            Present(KnownShells),
            // Without its database a program is none: busybox has applets called dpkg and rpm.
            [.. KnownPackageManagers.Where(m => m.Databases.Any(files.HasAny)).SelectMany(m => Present(m.Programs))],
            program?.IsStatic,
            dockerfile.Base,
            standIns);

        string[] Present(string[] programs) => [.. programs.Where(p => files.FindProgram(p, DefaultSearchPath, "/") is not null)];

        string NameOfUser() => Text("User").Split(':')[0] is { Length: > 0 } user ? files.Find(LayerEntry.UsersPath)?.Users?.GetValueOrDefault(user) ?? Text("User") : "root";

        string SearchPath() => Strings("Env").LastOrDefault(v => v.StartsWith("PATH=", StringComparison.Ordinal))?["PATH=".Length..] ?? DefaultSearchPath;

        string[] Strings(string name) => Member(name) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray().Select(s => s.GetString()!)] : [];

        string Text(string name) => Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";

        JsonElement? Member(string name) => config.ValueKind == JsonValueKind.Object && config.TryGetProperty(name, out var member) ? member : null;
    }
}
