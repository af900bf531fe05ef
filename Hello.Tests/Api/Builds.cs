namespace Hello.Tests;

/// <summary>An image of each build, with a JIT compiler and native. The images from scratch have the same binary.</summary>
public static class Builds
{
    /// <summary>Both.</summary>
    public static readonly ImageSpecification[] Specification = [HelloImages.Specification[0], HelloImages.Specification[^1]];

    /// <summary>Both, for a theory.</summary>
    public static TheoryData<ImageSpecification> All => [.. Specification];

    /// <summary>The native one.</summary>
    public static ImageSpecification Native => Specification[1];
}
