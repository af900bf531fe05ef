namespace Hello.Compare.Comparison;

/// <summary>An image that a comparison measures, and how its container is run and asked.</summary>
internal sealed record ComparedImage(string Name)
{
    /// <summary>The name and tag of an image that is there already; null if it is built first.</summary>
    public string? Reference { get; init; }

    /// <summary>The Dockerfile that it is built from; null if it is there already.</summary>
    public string? Dockerfile { get; init; }

    public string? Context { get; init; }

    /// <summary>The port in the container that is asked. If it is null, the one that the image exposes, or 8080.</summary>
    public int? Port { get; init; }

    public string Path { get; init; } = "/";

    public RunOptions Options { get; init; } = new([]);

    /// <summary>One of the three builds, as the AppHost runs it.</summary>
    public static ComparedImage Of(HelloImage build) => new(build.Name)
    {
        Dockerfile = build.Dockerfile,
        Context = build.Context,
        Port = HelloImage.Port,
        Path = HelloImage.HelloPath,
        Options = new(build.RunOptions),
    };
}
