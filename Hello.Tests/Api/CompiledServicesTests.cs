using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Hello.Api.Native;

namespace Hello.Tests;

/// <summary>
/// The services that CompiledServices.cs makes, and the names of types that it gives the Native AOT compiler, which ignores a wrong one.
/// </summary>
public sealed class CompiledServicesTests
{
    [Fact]
    public void Every_named_type_exists()
    {
        var names = ReadNames(typeof(CompiledServices).Assembly);
        Assert.True(names.Length > 10, $"Only {names.Length} strings look like the name of a generic type.");

        // If there is no such type, this throws an exception that names it.
        Assert.All(names, name => Assert.NotNull(Type.GetType(name, throwOnError: true)));
    }

    /// <summary>An update of the framework may rename an internal type. The service is then made by reflection.</summary>
    [Fact]
    public void A_name_that_is_gone_is_no_exception() =>
        Assert.Null(CompiledServices.Named("Hello.Api.Native.CompiledOptions`1[[Gone.Type, Gone.Assembly]], Hello.Api"));

    /// <summary>The strings in an assembly's code that look like a generic type or an array: <c>A.B`1[[C.D, E]], F</c>, <c>A.B[], C</c>.</summary>
    private static string[] ReadNames(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        var metadata = file.GetMetadataReader();
        List<string> texts = [];
        for (var handle = MetadataTokens.UserStringHandle(1); !handle.IsNil; handle = metadata.GetNextHandle(handle))
        {
            texts.Add(metadata.GetUserString(handle));
        }

        return [.. texts.Where(text => text.Contains("`1[[", StringComparison.Ordinal) || text.Contains("[], ", StringComparison.Ordinal))];
    }
}
