using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration.Memory;

namespace Hello.Tests;

/// <summary>The API takes its settings in the order in which <see cref="WebApplication.CreateBuilder(string[])"/> takes them.</summary>
[Collection(nameof(HelloServerTests))]
[Trait("Needs", "Gnu")]
public sealed class HelloServerTests
{
    [Theory]
    [InlineData]
    [InlineData("ASPNETCORE_", "DOTNET_")]
    [InlineData("ASPNETCORE_", "--")]
    [InlineData("DOTNET_", "")]
    [InlineData("", "--")]
    public void A_setting_of_two_sources_has_the_value_that_the_usual_builder_gives_it(params string[] sources)
    {
        string[][] values =
        [
            ["ENVIRONMENT=First", "APPLICATIONNAME=First", "CONTENTROOT=/", "SHUTDOWNTIMEOUTSECONDS=7", "URLS=http://127.0.0.1:1"],
            ["ENVIRONMENT=Second", "APPLICATIONNAME=Second", "CONTENTROOT=/tmp", "SHUTDOWNTIMEOUTSECONDS=8", "URLS=http://127.0.0.1:2"],
        ];
        var settings = sources.SelectMany((source, i) => values[i].Select(value => source + value)).ToLookup(ApiProcess.IsArgument);
        using var environment = new ScopedEnvironment(settings[false]);
        string[] args = [.. settings[true]];

        var usual = WebApplication.CreateBuilder(args);
        // The API's own default, beneath all sources as there.
        usual.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [new("shutdownTimeoutSeconds", "5")] });
        Assert.Equal(Describe(usual), Describe(HelloServer.CreateBuilder(args)));
    }

    [Theory]
    [InlineData("8080")]
    [InlineData("8080", "urls=")]
    [InlineData("8080", "Kestrel:Limits:MaxConcurrentConnections=9")]
    [InlineData(null, "https_ports=9000")]
    [InlineData(null, "urls=http://+:9000")]
    [InlineData(null, "Kestrel:Endpoints:Http:Url=http://+:9000")]
    public void The_default_port_is_only_set_if_no_setting_says_where_to_listen(string? ports, params string[] settings)
    {
        using var environment = new ScopedEnvironment([]);

        Assert.Equal(ports, HelloServer.CreateBuilder([.. settings.Select(setting => $"--{setting}")]).Configuration["http_ports"]);
    }

    private static (string, string, string, TimeSpan, string?) Describe(WebApplicationBuilder builder)
    {
        using var services = builder.Services.BuildServiceProvider();
        return (builder.Environment.EnvironmentName, builder.Environment.ApplicationName, builder.Environment.ContentRootPath,
            services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout, builder.Configuration["urls"]);
    }

    /// <summary>The variables of this process with those of a test and without others of the host, until it is disposed.</summary>
    private sealed class ScopedEnvironment : IDisposable
    {
        private static readonly string[] Names =
            ["ENVIRONMENT", "URLS", "HTTP_PORTS", "HTTPS_PORTS", "CONTENTROOT", "APPLICATIONNAME", "SHUTDOWNTIMEOUTSECONDS"];

        private readonly Dictionary<string, string?> _before = [];

        public ScopedEnvironment(IEnumerable<string> variables)
        {
            // The usual builder would watch its settings files, which takes a while each time.
            var ofTheHost = Names.SelectMany(name => (string[])[$"ASPNETCORE_{name}=", $"DOTNET_{name}=", $"{name}="]);
            foreach (var variable in ofTheHost.Append("DOTNET_hostBuilder__reloadConfigOnChange=false").Concat(variables).Select(v => v.Split('=')))
            {
                _before.TryAdd(variable[0], Environment.GetEnvironmentVariable(variable[0]));
                Environment.SetEnvironmentVariable(variable[0], variable[1].Length > 0 ? variable[1] : null);
            }
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
[CollectionDefinition(nameof(HelloServerTests), DisableParallelization = true)]
#pragma warning disable CA1711 // xunit's word for it.
public sealed class HelloServerCollection;
#pragma warning restore CA1711
