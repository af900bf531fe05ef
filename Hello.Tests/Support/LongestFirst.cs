using Xunit.Abstractions;

[assembly: TestCollectionOrderer("Hello.Tests.LongestFirst", "Hello.Tests")]
// Most tests that use the engine wait for a container, so four collections run side by side on a machine of two cores.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

namespace Hello.Tests;

/// <summary>Starts the collections that take minutes before those that take seconds. Otherwise one of them may begin last and run alone.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    /// <summary>A class without a collection is one of its own, whose name ends with that of the class.</summary>
    private static readonly string[] Longest =
    [
        nameof(CompareTests), nameof(OddImageTests), nameof(CompiledForArm64), HelloApplicationCollection.Name, nameof(RegistryTests),
        nameof(AppHostFaultTests), nameof(AppHostProcessTests), nameof(FaultTests), nameof(NativeBinaryTests), nameof(ProcessTests),
        nameof(OwnImageTests), nameof(ContainerTests), nameof(DebuggingTests), nameof(ComposeTests), nameof(SbomTests),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => Longest.TakeWhile(name => collection.DisplayName.Split('.')[^1] != name).Count());
}
