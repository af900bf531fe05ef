namespace Hello.Tests;

/// <summary>What one build must be.</summary>
/// <param name="Resource">Name of the resource, suffix of the Dockerfile and of the tag.</param>
/// <param name="User">User in the image's configuration; empty for root.</param>
/// <param name="Uid">UID of the running process, on the host.</param>
/// <param name="Files">All regular files in the image; null if they are too many to list.</param>
public sealed record ImageSpecification(string Resource, string User, int Uid, string[]? Files)
{
    public string UserName => Uid == 0 ? "root" : "appuser";

    public string Reference => $"demo-app:0.1-{Resource}";

    /// <summary>The options of <c>docker run</c> that the application gives its container.</summary>
    public string[] RunOptions => [.. HelloImage.Of(RepositoryFolder.Find(), Resource).RunOptions];

    public override string ToString() => Resource;
}

/// <summary>The specification of the three builds.</summary>
public static class HelloImages
{
    public const string Greeting = """{"code":200,"result":"Hello World!"}""";

    /// <summary>What <c>docker build</c> must make of each Dockerfile.</summary>
    public static readonly ImageSpecification[] Specification =
    [
        new("alpine", User: "", Uid: 0, Files: null),
        new("scratch", User: "", Uid: 0, Files: ["hello-api"]),
        new("scratch-nonroot", User: "10001:10001", Uid: 10001, Files: ["etc/passwd", "hello-api"]),
    ];

    public static TheoryData<ImageSpecification> All => [.. Specification];

    /// <summary>
    /// One build with the JIT compiler and one with the static binary, for a theory about what the two images from scratch cannot differ in,
    /// because they have the same binary.
    /// </summary>
    public static TheoryData<ImageSpecification> Kinds => [Specification[0], Native];

    /// <summary>The one with the static binary that may do less.</summary>
    public static ImageSpecification Native => Specification[^1];

    public static TheoryData<ImageSpecification> FromScratch => [.. Specification.Where(i => i.Files is not null)];
}
