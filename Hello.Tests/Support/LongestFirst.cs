using Xunit.Abstractions;

[assembly: TestCollectionOrderer("Hello.Tests.LongestFirst", "Hello.Tests")]

namespace Hello.Tests;

/// <summary>Starts the collections that take minutes before those that take seconds. Otherwise one of them may begin last and run alone.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Longest = [HelloApplicationCollection.Name, BuildsCollection.Name, ContainersCollection.Name];

    /// <inheritdoc/>
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => Array.IndexOf(Longest, collection.DisplayName) is >= 0 and var place ? place : Longest.Length);
}
