namespace Hello.Tests;

/// <summary>What the settings of the environment and the command line do to the running API.</summary>
public sealed class ApiSettingsTests
{
    [Theory]
    [InlineData("Production")]
    [InlineData("Staging", "ASPNETCORE_ENVIRONMENT=Development", "DOTNET_ENVIRONMENT=Staging")]
    [InlineData("Testing", "DOTNET_ENVIRONMENT=Staging", "--environment=Testing")]
    public async Task The_environment_is_the_one_of_the_settings(string environment, params string[] settings)
    {
        await using var api = await ApiProcess.StartAsync(["ASPNETCORE_URLS=http://127.0.0.1:0", .. settings]);

        Assert.Contains($"info: Microsoft.Hosting.Lifetime[0] Hosting environment: {environment}", api.StartLines);
        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
    }

    [Theory]
    [InlineData("Kestrel__Endpoints__Http__Url=http://127.0.0.1:0")]
    [InlineData("--Kestrel:Endpoints:Http:Url=http://+:0")]
    [InlineData("Kestrel__Endpoints__One__Url=http://127.0.0.1:0", "Kestrel__Endpoints__Two__Url=http://127.0.0.1:0")]
    public async Task Endpoints_of_Kestrel_are_listened_on_alone_and_without_a_warning(params string[] endpoints)
    {
        await using var api = await ApiProcess.StartAsync(endpoints);

        Assert.Equal(endpoints.Length, api.StartLines.Count(line => line.Contains("Now listening on: ", StringComparison.Ordinal)));
        Assert.All(api.StartLines, line => Assert.StartsWith("info: Microsoft.Hosting.Lifetime[", line, StringComparison.Ordinal));
        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
    }

    /// <summary>The warning of Kestrel is right where the other addresses are the user's own.</summary>
    [Fact]
    public async Task Endpoints_of_Kestrel_override_other_addresses_with_a_warning()
    {
        await using var api = await ApiProcess.StartAsync("ASPNETCORE_URLS=http://127.0.0.1:1", "Kestrel__Endpoints__Http__Url=http://127.0.0.1:0");

        Assert.Single(api.StartLines, line => line.StartsWith("warn: Microsoft.AspNetCore.Server.Kestrel[0] Overriding address(es) 'http://127.0.0.1:1'", StringComparison.Ordinal));
        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
    }

    [Fact]
    public async Task The_applications_name_is_the_category_of_its_log()
    {
        await using var api = await ApiProcess.StartAsync("ASPNETCORE_URLS=http://127.0.0.1:0", "ASPNETCORE_APPLICATIONNAME=Mine");

        Assert.Equal(HelloImages.Greeting, await api.Client.GetStringAsync(new Uri("/hello", UriKind.Relative)));
        var log = await api.ReadLogAsync(line => line.Contains("Said hello", StringComparison.Ordinal));
        Assert.Equal(["info: Mine[1] Said hello to 127.0.0.1"], log);
    }

    [Fact]
    public async Task Sigterm_ends_it_with_exit_code_0()
    {
        await using var api = await ApiProcess.StartAsync("ASPNETCORE_URLS=http://127.0.0.1:0");

        await api.TerminateAsync();

        Assert.Equal(0, await api.WaitAsync());
    }
}
