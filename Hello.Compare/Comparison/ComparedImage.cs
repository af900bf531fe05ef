using Hello.Compare.Engine;
using Hello.Compare.Images;

namespace Hello.Compare.Comparison;

/// <summary>An image that a comparison measures, and how its container is run and asked.</summary>
/// <param name="Name">The title of its column.</param>
internal sealed record ComparedImage(string Name)
{
    /// <summary>The name and tag of an image that is there already; null if it is built first.</summary>
    public string? Reference { get; init; }

    /// <summary>The Dockerfile that it is built from; null if it is there already.</summary>
    public string? Dockerfile { get; init; }

    /// <summary>The build context, a folder.</summary>
    public string? Context { get; init; }

    /// <summary>The port in the container that is asked. If it is null, the one that the image exposes, or 8080.</summary>
    public int? Port { get; init; }

    /// <summary>The path that is asked, with its query.</summary>
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

    /// <summary>An image that is built from a Dockerfile of the user.</summary>
    /// <param name="context">The build context. If it is null, the folder of the Dockerfile.</param>
    /// <exception cref="MeasurementException">There is no such file or folder.</exception>
    public static ComparedImage OfDockerfile(string dockerfile, string? context = null)
    {
        var file = System.IO.Path.GetFullPath(dockerfile);
        var folder = context is null ? System.IO.Path.GetDirectoryName(file)! : System.IO.Path.GetFullPath(context);
        return !File.Exists(file) ? throw new MeasurementException($"There is no Dockerfile {dockerfile}.")
            : !Directory.Exists(folder) ? throw new MeasurementException($"There is no folder {context} to build in.")
            : new(dockerfile) { Dockerfile = file, Context = folder };
    }
}
