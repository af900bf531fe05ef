namespace Hello.Compare.Images;

/// <summary>One build of the hello API: its Dockerfile, its image and the options of its container.</summary>
/// <param name="Name">The Dockerfile's suffix. The resource and the tag have the same name.</param>
/// <param name="Context">The build context, a folder.</param>
/// <param name="Dockerfile">The Dockerfile's path.</param>
public sealed record HelloImage(string Name, string Context, string Dockerfile)
{
    /// <summary>The images' name.</summary>
    public const string Repository = "demo-app";

    /// <summary>The port that the API listens on in its container.</summary>
    public const int Port = 8080;

    /// <summary>The path of the greeting.</summary>
    public const string HelloPath = "/hello";

    /// <summary>The path of the health check.</summary>
    public const string HealthPath = "/health";

    private const string Version = "0.1";
    private const string DockerfilePrefix = "Dockerfile-";

    // Almost twice the memory and four times the threads that the benchmark sees over 256 connections. The kernel counts a
    // thread as a process. OverloadTests.cs holds the API to both limits.
    private const string MemoryLimit = "96m";
    private const string ProcessLimit = "64";

    /// <summary>The options of <c>docker run</c> that leave a container nothing that the API does not need.</summary>
    public static IReadOnlyList<string> LeastPrivilege { get; } =
    [
        "--read-only",
        // In place of the engine's own /dev: root may write to that one, and everybody to its /dev/shm and /dev/mqueue.
        "--tmpfs", "/dev:ro,dev,noexec,mode=755,size=64k",
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        "--memory", MemoryLimit,
        "--memory-swap", MemoryLimit, // the sum of memory and swap: no swap
        "--pids-limit", ProcessLimit,
    ];

    /// <summary>The tag.</summary>
    public string Tag => $"{Version}-{Name}";

    /// <summary>Name and tag, <c>demo-app:0.1-scratch</c>.</summary>
    public string Reference => $"{Repository}:{Tag}";

    /// <summary>The options that the build's container runs with: least privilege if it is built on <c>scratch</c>.</summary>
    public IReadOnlyList<string> RunOptions => Images.Dockerfile.Parse(File.ReadLines(Dockerfile)).Base == Images.Dockerfile.Scratch ? LeastPrivilege : [];

    /// <summary>The build whose Dockerfile is <c>Dockerfile-{name}</c>.</summary>
    /// <param name="root">The folder of the Dockerfiles.</param>
    /// <param name="name">The Dockerfile's suffix.</param>
    public static HelloImage Of(string root, string name) => new(name, root, Path.Combine(root, DockerfilePrefix + name));

    /// <summary>All builds, by name. The first is the reference for the others.</summary>
    /// <param name="root">The folder of the Dockerfiles.</param>
    public static IReadOnlyList<HelloImage> FindAll(string root) =>
        [.. Directory.EnumerateFiles(root, $"{DockerfilePrefix}*").Select(f => Path.GetFileName(f)[DockerfilePrefix.Length..]).Order(StringComparer.Ordinal).Select(name => Of(root, name))];
}
