using Hello.Api.Native;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;

namespace Hello.Tests;

/// <summary>Options that CompiledOptions.cs makes are those that the container would make.</summary>
public sealed class CompiledOptionsTests
{
    [Fact]
    public void Every_setup_is_called_in_its_order()
    {
        var services = new ServiceCollection();
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
        services.AddSingleton<IConfigureOptions<HostOptions>, AddSecond>(); // made by the container
        services.AddSingleton<IConfigureOptions<HostOptions>>(_ => new ConfigureOptions<HostOptions>(options => options.ShutdownTimeout *= 3));
        services.PostConfigure<HostOptions>(options => options.ShutdownTimeout += TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromSeconds(7), Made<IOptions<HostOptions>>(services, compiled: false).Value.ShutdownTimeout);
        Assert.Equal(TimeSpan.FromSeconds(7), Made<IOptions<HostOptions>>(services, compiled: true).Value.ShutdownTimeout);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Options_have_names(bool compiled)
    {
        var services = new ServiceCollection();
        services.Configure<LoggerFilterOptions>(options => options.MinLevel = LogLevel.Error);
        services.Configure<LoggerFilterOptions>("other", options => options.MinLevel = LogLevel.Debug);
        services.ConfigureAll<LoggerFilterOptions>(options => options.CaptureScopes = false);

        var monitor = Made<IOptionsMonitor<LoggerFilterOptions>>(services, compiled);

        Assert.Equal((LogLevel.Error, false), (monitor.CurrentValue.MinLevel, monitor.CurrentValue.CaptureScopes));
        Assert.Equal((LogLevel.Debug, false), (monitor.Get("other").MinLevel, monitor.Get("other").CaptureScopes));
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
