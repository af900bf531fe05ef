using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>The names of types that Hello.Api gives the Native AOT compiler. The compiler ignores a wrong one.</summary>
public sealed class CompiledServicesTests
{
    /// <summary>Beside the tests: Hello.Tests/bin/Debug/net10.0 and Hello.Api/bin/Debug/net10.0.</summary>
    private static readonly string Folder = Path.Combine(
        Projects.Hello_AppHost.ProjectPath, "..", "Hello.Api", Path.GetRelativePath(Path.Combine(RepositoryFolder.Find(), "Hello.Tests"), AppContext.BaseDirectory));

    [Fact]
    public void Every_named_type_exists()
    {
        var names = ReadNames(Path.Combine(Folder, "Hello.Api.dll"));
        Assert.True(names.Length > 10, $"Only {names.Length} strings look like the name of a generic type.");

        // …/shared/Microsoft.NETCore.App/10.0.1 and …/shared/Microsoft.AspNetCore.App/10.0.1
        var runtime = new DirectoryInfo(RuntimeEnvironment.GetRuntimeDirectory());
        string[] folders = [Folder, .. runtime.Parent!.Parent!.GetDirectories("Microsoft.AspNetCore.App/10.*").Select(d => d.FullName)];
        var context = new AssemblyLoadContext("Hello.Api", isCollectible: true);
        context.Resolving += (_, assembly) => folders.Select(f => Path.GetFullPath(Path.Combine(f, $"{assembly.Name}.dll"))).FirstOrDefault(File.Exists) is { } file ? context.LoadFromAssemblyPath(file) : null;
        try
        {
            // If there is no such type, this throws an exception that names it.
            Assert.All(names, name => Assert.NotNull(Type.GetType(name, context.LoadFromAssemblyName, typeResolver: null, throwOnError: true)));
        }
        finally
        {
            context.Unload();
        }
    }

    /// <summary>The strings in an assembly's code that look like a generic type: <c>A.B`1[[C.D, E]], F</c>.</summary>
    private static string[] ReadNames(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        List<string> names = [];
        for (var handle = MetadataTokens.UserStringHandle(1); !handle.IsNil; handle = metadata.GetNextHandle(handle))
        {
            if (metadata.GetUserString(handle) is var text && text.Contains("`1[[", StringComparison.Ordinal))
            {
                names.Add(text);
            }
        }

        return [.. names];
    }
}
