namespace Hello.Compare.Images;

/// <summary>The properties of an image, read from its archive and, if it is known, its Dockerfile.</summary>
/// <param name="UnpackedBytes">Sum of the file contents in all layers, which the image takes on a disk.</param>
/// <param name="CompressedBytes">Sum of the compressed layers, which a registry transfers.</param>
/// <param name="Files">Number of files that a container sees. A file that an upper layer deletes is not counted.</param>
/// <param name="User">Name of the configured user; the configured text if the image has no name for it; "root" if none is configured.</param>
/// <param name="PackageManagers">The package managers in it that have a database.</param>
/// <param name="IsStatic">Whether the program that it starts is a static binary; null if the program is not an ELF file.</param>
/// <param name="Base">The base image of the last stage; null if neither a Dockerfile nor a label names it.</param>
/// <param name="StandIns">The base images, also of build stages, that are stand-ins.</param>
/// <param name="Platform">The system and the processor that it is for: "linux/amd64".</param>
/// <param name="Ports">The TCP ports that the image says its program listens on.</param>
public sealed record ImageFacts(
    long UnpackedBytes,
    long CompressedBytes,
    int Layers,
    int Files,
    string User,
    IReadOnlyList<string> Shells,
    IReadOnlyList<string> PackageManagers,
    bool? IsStatic,
    string? Base,
    IReadOnlyList<string> StandIns,
    string Platform,
    IReadOnlyList<int> Ports,
    ImageContents Contents)
{
    /// <summary>The label that names the base image: https://github.com/opencontainers/image-spec/blob/main/annotations.md.</summary>
    private const string BaseLabel = "org.opencontainers.image.base.name";

    private const string DefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly string[] KnownShells = ["sh", "ash", "bash", "dash", "zsh"];

    /// <summary>Package managers by the files or folders of their databases.</summary>
    private static readonly (string[] Databases, string[] Programs)[] KnownPackageManagers =
    [
        (["lib/apk/db/installed", "usr/lib/apk/db/installed"], ["apk"]),
        (["var/lib/dpkg/status"], ["apt-get", "dpkg"]),
        (["var/lib/rpm", "usr/lib/sysimage/rpm"], ["dnf", "microdnf", "tdnf", "yum", "rpm", "zypper"]),
        (["var/lib/pacman/local"], ["pacman"]),
    ];

    internal static ImageFacts Of(ImageArchive archive, Dockerfile? dockerfile, IReadOnlyList<string> standIns)
    {
        var merged = new MergedLayers(archive.Layers);
        var files = new ImageFileSystem(merged.Files);
        // Every member may be missing or null. For example: {"config":{"User":"10001:10001","Env":["PATH=…"],"Entrypoint":["/hello-api"],"Cmd":null,"WorkingDir":"/"}}
        var config = Member(archive.Config, "config");
        string[] command = [.. Strings("Entrypoint"), .. Strings("Cmd")];
        var searchPath = Strings("Env").LastOrDefault(v => v.StartsWith("PATH=", StringComparison.Ordinal))?["PATH=".Length..] ?? DefaultSearchPath;
        var program = command is [var first, ..] ? files.FindProgram(first, searchPath, Text("WorkingDir")) : null;

        return new(
            archive.Layers.Sum(l => l.UnpackedBytes),
            archive.Layers.Sum(l => l.CompressedBytes),
            archive.Layers.Count,
            merged.Files.Values.Count(f => f.IsFile), // a hard link is a file of its own
            NameOfUser(),
            Present(KnownShells),
            // A program without a database is not a package manager: busybox has applets called dpkg and rpm.
            [.. KnownPackageManagers.Where(m => m.Databases.Any(files.HasAny)).SelectMany(m => Present(m.Programs))],
            program?.IsStatic,
            dockerfile?.Base ?? (TextOf(Member(Member(config, "Labels"), BaseLabel)) is { Length: > 0 } name ? PlainText.Clean(name) : null),
            standIns,
            PlainText.Clean($"{ImagePlatform.Of(archive.Config)}"),
            [.. TcpPorts()],
            ImageContents.Of(archive, merged, Strings("Shell")));

        // A process finds a program by the image's own path, and somebody who looks for a shell also looks in the usual folders.
        string[] Present(string[] programs) => [.. programs.Where(p => files.FindProgram(p, $"{searchPath}:{DefaultSearchPath}", "/") is not null)];

        string NameOfUser() => Text("User").Split(':')[0] is { Length: > 0 } user
            ? PlainText.Clean(files.Find(LayerEntry.UsersPath)?.Users?.GetValueOrDefault(user) ?? Text("User"))
            : "root";

        string[] Strings(string name) => Member(config, name) is { ValueKind: JsonValueKind.Array } list
            ? [.. list.EnumerateArray().Where(s => s.ValueKind == JsonValueKind.String).Select(s => s.GetString()!)]
            : [];

        // {"ExposedPorts":{"8080/tcp":{},"9000/udp":{}}}
        IEnumerable<int> TcpPorts() => Member(config, "ExposedPorts") is { ValueKind: JsonValueKind.Object } ports
            ? ports.EnumerateObject().Select(port => port.Name.Split('/')).Where(port => port is [_] or [_, "tcp"])
                .Select(port => int.TryParse(port[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0).Where(number => number > 0)
            : [];

        string Text(string name) => TextOf(Member(config, name));

        static string TextOf(JsonElement? text) => text is { ValueKind: JsonValueKind.String } some ? some.GetString()! : "";
    }

    /// <summary>A member of what may be no object; null if it has none of that name.</summary>
    internal static JsonElement? Member(JsonElement? json, string name) =>
        json is { ValueKind: JsonValueKind.Object } members && members.TryGetProperty(name, out var member) ? member : null;
}
