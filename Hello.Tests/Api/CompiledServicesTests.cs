using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Hello.Api.Native;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Hello.Tests;

/// <summary>
/// Options that CompiledOptions.cs makes are those that the container would make, and the types exist that CompiledServices.cs names for
/// the Native AOT compiler, which ignores a wrong name.
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

    /// <summary>The options of the container, which are not compiled, are those that are wanted.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_setup_is_called_in_its_order_for_each_name(bool compiled)
    {
        var services = new ServiceCollection();
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
        services.Configure<HostOptions>("other", options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        services.AddSingleton<IConfigureOptions<HostOptions>, AddSecond>(); // made by the container
        services.AddSingleton<IConfigureOptions<HostOptions>>(_ => new ConfigureOptions<HostOptions>(options => options.ShutdownTimeout *= 3));
        services.PostConfigureAll<HostOptions>(options => options.ShutdownTimeout += TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromSeconds(7), Made<IOptions<HostOptions>>(services, compiled).Value.ShutdownTimeout);
        var monitor = Made<IOptionsMonitor<HostOptions>>(services, compiled);
        Assert.Equal((7, 11), (monitor.CurrentValue.ShutdownTimeout.Seconds, monitor.Get("other").ShutdownTimeout.Seconds));
        Assert.Same(monitor.Get("other"), monitor.Get("other"));
    }

    [Fact]
    public void A_value_that_is_not_allowed_is_an_exception()
    {
        var services = new ServiceCollection();
        services.AddOptions<HostOptions>().Validate(options => options.ShutdownTimeout > TimeSpan.FromDays(1), "It is short.");

        var failure = Assert.Throws<OptionsValidationException>(() => Made<IOptions<HostOptions>>(services, compiled: true).Value);
        Assert.Equal("It is short.", failure.Message);
    }

    private static T Made<T>(ServiceCollection services, bool compiled)
        where T : notnull
    {
        IServiceCollection all = new ServiceCollection().Add(services).AddOptions();
        if (compiled)
        {
            CompiledServices.Compile(all);
        }

        return all.BuildServiceProvider().GetRequiredService<T>();
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

    private sealed class AddSecond : IConfigureOptions<HostOptions>
    {
        public void Configure(HostOptions options) => options.ShutdownTimeout += TimeSpan.FromSeconds(1);
    }
}
