using System.Collections;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Hello.Api.Native;
using Microsoft.AspNetCore.Builder;

namespace Hello.Tests;

/// <summary>
/// The services that CompiledServices.cs makes, and the names of types that it gives the Native AOT compiler, which ignores a wrong one.
/// </summary>
[Collection(nameof(HelloServerTests))]
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

    /// <summary>Options that are missing in CompiledServices.cs slow down the start. An update of the framework may add some.</summary>
    [Fact]
    public async Task The_start_makes_no_options_by_reflection()
    {
        var builder = HelloServer.CreateBuilder(
            ["--urls=http://127.0.0.1:0", "--OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "--Logging:LogLevel:Default=None"]);
        builder.AddServiceDefaults();
        CompiledServices.Compile(builder.Services);
        await using var app = builder.Build();
        app.UseErrorReplies();
        app.MapDefaultEndpoints();
        await app.StartAsync();
        using var client = new HttpClient();
        Assert.Equal("Healthy", await client.GetStringAsync(new Uri($"{app.Urls.Single()}/health")));

        // What the container has made: https://github.com/dotnet/runtime/blob/main/src/libraries/
        // Microsoft.Extensions.DependencyInjection/src/ServiceLookup/CallSiteFactory.cs
        var factory = Get(app.Services, "CallSiteFactory");
        var made = ((IEnumerable)Get(factory, "_callSiteCache")).Cast<object>().Select(pair => Get(pair, "Value")).ToArray();
        Assert.True(made.Length > 50, $"Only {made.Length} services were made.");
        Type[] options = [typeof(IOptions<>), typeof(IOptionsMonitor<>)];
        Assert.Empty(
            from site in made
            where site.GetType().Name == "ConstructorCallSite"
            let service = (Type)Get(site, "ServiceType")
            where service.IsGenericType && options.Contains(service.GetGenericTypeDefinition())
            select service);
        await app.StopAsync();

        static object Get(object from, string member)
        {
            const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            return from.GetType().GetProperty(member, any)?.GetValue(from) ?? from.GetType().GetField(member, any)?.GetValue(from)
                ?? throw new InvalidOperationException($"{from.GetType()} has no {member} any more. Find out how it knows what it has made.");
        }
    }

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
