namespace Hello.Compare.Images;

/// <summary>One build of the hello API: its Dockerfile, its image and the options of its container.</summary>
/// <param name="Name">The suffix of the Dockerfile. It is also the name of the resource and the end of the tag.</param>
/// <param name="Context">The build context, a folder.</param>
public sealed record HelloImage(string Name, string Context, string Dockerfile)
{
    /// <summary>The name of all images, without a tag.</summary>
    public const string Repository = "demo-app";

    /// <summary>The port that the API listens on in its container.</summary>
    public const int Port = 8080;

    /// <summary>The path of the greeting.</summary>
    public const string HelloPath = "/hello";

    /// <summary>The path of the health check.</summary>
    public const string HealthPath = "/health";

    private const string Version = "0.1";
    private const string DockerfilePrefix = "Dockerfile-";

    // Almost twice the memory that the benchmark measures over 256 connections, and four times the threads. The kernel counts
    // each thread as a process. OverloadTests.cs tests that the API stays within both limits.
    private const string MemoryLimit = "96m";
    private const string ProcessLimit = "64";

    /// <summary>The options of <c>docker run</c> that take away every privilege that the API does not need.</summary>
    public static IReadOnlyList<string> LeastPrivilege { get; } =
    [
        "--read-only",
        // Replaces the engine's /dev. In that one, root could write to /dev, and every user to /dev/shm and /dev/mqueue.
        "--tmpfs", "/dev:ro,dev,noexec,mode=755,size=64k",
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        "--memory", MemoryLimit,
        "--memory-swap", MemoryLimit, // the sum of memory and swap, so the container gets no swap
        "--pids-limit", ProcessLimit,
    ];

    /// <summary>The tag, <c>0.1-scratch</c>.</summary>
    public string Tag => $"{Version}-{Name}";

    /// <summary>Name and tag, <c>demo-app:0.1-scratch</c>.</summary>
    public string Reference => $"{Repository}:{Tag}";

    /// <summary>The options of <c>docker run</c> for this build: least privilege if its base image is <c>scratch</c>.</summary>
    public IReadOnlyList<string> RunOptions => Images.Dockerfile.Parse(File.ReadLines(Dockerfile)).Base == Images.Dockerfile.Scratch ? LeastPrivilege : [];

    /// <summary>The build whose Dockerfile is <c>Dockerfile-{name}</c>.</summary>
    /// <param name="root">The folder of the Dockerfiles. It is also the build context.</param>
    public static HelloImage Of(string root, string name) => new(name, root, Path.Combine(root, DockerfilePrefix + name));

    /// <summary>Whether a text can be the end of a tag and of a container's name.</summary>
    internal static bool IsName(string text) => text is [not '-', ..] && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    /// <summary>All builds, sorted by name. Ratios are to the first one. Dockerfile-scratch.dockerignore, and the copies that editors and git make, are none.</summary>
    public static IReadOnlyList<HelloImage> FindAll(string root) =>
    [
        .. Directory.EnumerateFiles(root, $"{DockerfilePrefix}*").Select(f => Path.GetFileName(f)[DockerfilePrefix.Length..])
            .Where(IsName).Order(StringComparer.Ordinal).Select(name => Of(root, name)),
    ];
}
