using System.Collections;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Hello.Api;
using Hello.Compare.Images;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

namespace Hello.Tests;

/// <summary>The services that CompiledServices.cs makes, and the names of types that it gives the Native AOT compiler, which ignores a wrong one.</summary>
[Collection(nameof(HostingSettingsTests))]
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

    /// <summary>A service that is missing in CompiledServices.cs still works, but slows down the start. An update of the framework may add one.</summary>
    [Fact]
    public async Task The_start_makes_no_service_by_reflection_that_could_be_compiled()
    {
        var builder = HelloServer.CreateBuilder(["--urls=http://127.0.0.1:0", "--OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "--Logging:LogLevel:Default=None"]);
        builder.AddHelloServer(new(builder.Configuration, []));
        builder.AddServiceDefaults();
        builder.Services.AddCompiledServices();
        await using var app = builder.Build();
        app.UseErrorReplies();
        app.MapDefaultEndpoints();
        await app.StartAsync();
        using var client = new HttpClient();
        Assert.Equal("Healthy", await client.GetStringAsync(new Uri($"{app.Urls.Single()}/health")));

        // What the container has made: https://github.com/dotnet/runtime/blob/main/src/libraries/Microsoft.Extensions.DependencyInjection/src/ServiceLookup/CallSiteFactory.cs
        var factory = Get(app.Services, "CallSiteFactory");
        var made = ((IEnumerable)Get(factory, "_callSiteCache")).Cast<object>().Select(pair => Get(pair, "Value")).ToArray();
        Assert.True(made.Length > 50, $"Only {made.Length} services were made.");
        var reflected =
            from site in made
            where site.GetType().Name == "ConstructorCallSite"
            select (Service: (Type)Get(site, "ServiceType"), Implementation: (Type)Get(site, "ImplementationType"));
        string[] missing =
        [
            .. from site in reflected
               where site.Implementation.IsVisible || site.Service.IsGenericType
               where !site.Implementation.ToString().Contains("HttpsConnectionMiddleware", StringComparison.Ordinal) // the native binary does not have it
               where !site.Implementation.Name.StartsWith("LoggerProviderConfigureOptions", StringComparison.Ordinal) // registered with its closed type
               select $"{site.Service} is a {site.Implementation}",
        ];
        Assert.True(missing.Length == 0, string.Join('\n', missing));
        await app.StopAsync();

        static object Get(object from, string member)
        {
            const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            return from.GetType().GetProperty(member, any)?.GetValue(from) ?? from.GetType().GetField(member, any)?.GetValue(from)
                ?? throw new InvalidOperationException($"{from.GetType()} has no {member} any more. Find out how it knows what it has made.");
        }
    }

    /// <summary>The strings in an assembly's code that look like a generic type or an array: <c>A.B`1[[C.D, E]], F</c>, <c>A.B[], C</c>.</summary>
    private static string[] ReadNames(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        List<string> names = [];
        for (var handle = MetadataTokens.UserStringHandle(1); !handle.IsNil; handle = metadata.GetNextHandle(handle))
        {
            if (metadata.GetUserString(handle) is var text && (text.Contains("`1[[", StringComparison.Ordinal) || text.Contains("[], ", StringComparison.Ordinal)))
            {
                names.Add(text);
            }
        }

        return [.. names];
    }
}
