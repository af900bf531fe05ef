using Hello.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Hello.Tests;

/// <summary>The API takes its settings in the order in which <see cref="WebApplication.CreateBuilder(string[])"/> takes them.</summary>
[Collection(nameof(HostingSettingsTests))]
public sealed class HostingSettingsTests
{
    /// <summary>The settings of the host, each with two values that differ from its default.</summary>
    private static readonly (string Key, string First, string Second)[] Settings =
    [
        ("environment", "Development", "Staging"),
        ("applicationName", "First", "Second"),
        ("contentRoot", "/", Path.TrimEndingDirectorySeparator(Path.GetTempPath())),
        ("urls", "http://127.0.0.1:1", "http://127.0.0.1:2"),
        ("http_ports", "1", "2"),
        ("https_ports", "3", "4"),
        ("preferHostingUrls", "true", "false"),
        ("shutdownTimeoutSeconds", "7", "8"),
    ];

    /// <summary>Where a setting can stand; "env" has no prefix.</summary>
    private static readonly string[] Places = ["ASPNETCORE_", "DOTNET_", "env", "command line"];

    /// <summary>Each setting alone, empty, and with another value in each second place.</summary>
    public static TheoryData<string, string, string?, string?, string?> Cases
    {
        get
        {
            var data = new TheoryData<string, string, string?, string?, string?>();
            foreach (var (key, first, second) in Settings)
            {
                foreach (var place in Places)
                {
                    data.Add(key, place, first, null, null);
                    data.Add(key, place, "", null, null);
                    foreach (var other in Places.Where(other => other != place))
                    {
                        data.Add(key, place, first, other, second);
                        data.Add(key, place, first, other, "");
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_setting_has_the_value_that_the_usual_builder_gives_it(string key, string place, string? value, string? otherPlace, string? otherValue)
    {
        using var environment = new ScopedEnvironment();
        List<string> args = [];
        Set(place, value);
        Set(otherPlace, otherValue);

        var usual = WebApplication.CreateBuilder([.. args]);
        // The API's own default, beneath all sources as there.
        usual.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [KeyValuePair.Create<string, string?>("shutdownTimeoutSeconds", "5")] });
        Assert.Equal(Describe(usual), Describe(HelloServer.CreateBuilder([.. args])));

        void Set(string? place, string? value)
        {
            switch (place)
            {
                case null:
                    break;
                case "command line":
                    args.Add($"--{key}={value}");
                    break;
                default:
                    environment.Set($"{(place == "env" ? "" : place)}{key}", value!);
                    break;
            }
        }
    }

    /// <summary>The values themselves, so that not everything rests on a comparison.</summary>
    [Theory]
    [InlineData("Production")]
    [InlineData("A", "ASPNETCORE_ENVIRONMENT=A")]
    [InlineData("D", "DOTNET_ENVIRONMENT=D")]
    [InlineData("D", "ASPNETCORE_ENVIRONMENT=A", "DOTNET_ENVIRONMENT=D")]
    [InlineData("", "ASPNETCORE_ENVIRONMENT=A", "DOTNET_ENVIRONMENT=")]
    [InlineData("C", "ASPNETCORE_ENVIRONMENT=A", "DOTNET_ENVIRONMENT=D", "ENVIRONMENT=E", "--environment=C")]
    [InlineData("Production", "ENVIRONMENT=E")]
    public void The_environment_is_that_of_the_last_source(string expected, params string[] settings)
    {
        using var environment = new ScopedEnvironment();
        foreach (var variable in settings.Where(setting => !setting.StartsWith('-')).Select(setting => setting.Split('=')))
        {
            environment.Set(variable[0], variable[1]);
        }

        Assert.Equal(expected, HelloServer.CreateBuilder([.. settings.Where(setting => setting.StartsWith('-'))]).Environment.EnvironmentName);
    }

    [Theory]
    [InlineData("8080")]
    [InlineData("8080", "urls=")]
    [InlineData("8080", "http_ports=")]
    [InlineData("8080", "Kestrel:Limits:MaxConcurrentConnections=9")]
    [InlineData("9000", "http_ports=9000")]
    [InlineData(null, "https_ports=9000")]
    [InlineData(null, "urls=http://+:9000")]
    [InlineData(null, "Kestrel:Endpoints:Http:Url=http://+:9000")]
    public void The_default_port_is_only_set_if_no_setting_says_where_to_listen(string? ports, params string[] settings)
    {
        using var environment = new ScopedEnvironment();
        var builder = HelloServer.CreateBuilder([.. settings.Select(setting => $"--{setting}")]);

        builder.AddHelloServer(new(builder.Configuration, []));

        Assert.Equal(ports, builder.Configuration["http_ports"]);
    }

    private static string Describe(WebApplicationBuilder builder)
    {
        // The usual builder writes the application's name back to its settings, where nothing reads it.
        var settings = Settings.Select(setting => setting.Key).Where(key => key != "applicationName");
        using var services = builder.Services.BuildServiceProvider();
        return $"""
            environment {builder.Environment.EnvironmentName}
            application {builder.Environment.ApplicationName}
            content root {builder.Environment.ContentRootPath}
            shutdown within {services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout}
            {string.Join('\n', settings.Select(key => $"{key}={builder.Configuration[key] ?? "(not set)"}"))}
            """;
    }

    /// <summary>The variables of this process without those that the tests set, until it is disposed.</summary>
    private sealed class ScopedEnvironment : IDisposable
    {
        private readonly Dictionary<string, string?> _before = [];

        public ScopedEnvironment()
        {
            foreach (var name in from setting in Settings from prefix in (string[])["ASPNETCORE_", "DOTNET_", ""] select $"{prefix}{setting.Key}")
            {
                foreach (var spelled in (string[])[name, name.ToUpperInvariant()])
                {
                    Set(spelled, null);
                }
            }

            // The usual builder would watch its settings files, which takes a while each time.
            Set("DOTNET_hostBuilder__reloadConfigOnChange", "false");
        }

        public void Set(string name, string? value)
        {
            _before.TryAdd(name, Environment.GetEnvironmentVariable(name));
            Environment.SetEnvironmentVariable(name, value);
        }

        public void Dispose()
        {
            foreach (var (name, value) in _before)
            {
                Environment.SetEnvironmentVariable(name, value);
            }
        }
    }
}

/// <summary>Runs alone, because the variables are those of the process that all tests share.</summary>
[CollectionDefinition(nameof(HostingSettingsTests), DisableParallelization = true)]
#pragma warning disable CA1711 // xunit's word for it.
public sealed class HostingSettingsCollection;
#pragma warning restore CA1711
