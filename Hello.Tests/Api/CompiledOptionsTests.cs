using Hello.Api.Native;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Exporter;

namespace Hello.Tests;

/// <summary>Options that CompiledOptions.cs makes are those that the container would make.</summary>
public sealed class CompiledOptionsTests
{
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

    [Fact]
    public void A_factory_that_is_registered_makes_them()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IOptionsFactory<OtlpExporterOptions>, OtlpFactory>();

        Assert.Equal("http://traces/", Made<IOptionsMonitor<OtlpExporterOptions>>(services, compiled: true).Get("traces").Endpoint.ToString());
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

    private sealed class AddSecond : IConfigureOptions<HostOptions>
    {
        public void Configure(HostOptions options) => options.ShutdownTimeout += TimeSpan.FromSeconds(1);
    }

    private sealed class OtlpFactory : IOptionsFactory<OtlpExporterOptions>
    {
        public OtlpExporterOptions Create(string name) => new() { Endpoint = new($"http://{name}/") };
    }
}
