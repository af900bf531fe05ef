namespace Hello.Tests;

/// <summary>A test of what only Linux has. It is skipped, with the reason, on another system.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactOnLinuxAttribute : FactAttribute
{
    /// <summary>Why a test is skipped here; null on Linux.</summary>
    internal static string? Reason => OperatingSystem.IsLinux() ? null : "This system is not Linux.";

    public FactOnLinuxAttribute() => Skip = Reason;
}

/// <summary>The same for a test with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TheoryOnLinuxAttribute : TheoryAttribute
{
    public TheoryOnLinuxAttribute() => Skip = FactOnLinuxAttribute.Reason;
}
