using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.Tests;

/// <summary>The one application that the tests share: the three containers, built from their Dockerfiles, and the dashboard.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync.
public sealed class HelloApplication : IAsyncLifetime
#pragma warning restore CA1001
{
    /// <summary>A first run publishes the API twice, once of it as a native binary.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(12);

    private readonly HttpClient _telemetry = new();
    private DistributedApplication? _app;

    /// <summary>The started application, all of whose containers are healthy.</summary>
    public DistributedApplication App => _app ?? throw new InvalidOperationException("The application has not been started.");

    /// <summary>Builds and starts everything.</summary>
    /// <returns>Completes once the three containers are healthy.</returns>
    public async Task InitializeAsync()
    {
        using var limit = new CancellationTokenSource(StartLimit);
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Hello_AppHost>(
            [], (options, _) => options.DisableDashboard = false, limit.Token);
        _app = await builder.BuildAsync(limit.Token);
        await _app.StartAsync(limit.Token);
        await Task.WhenAll(HelloImages.Specification.Select(image =>
            _app.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, WaitBehavior.StopOnResourceUnavailable, limit.Token)));
        _telemetry.BaseAddress = _app.GetEndpoint("aspire-dashboard", "http");
        _telemetry.DefaultRequestHeaders.Add("x-api-key", builder.Configuration["AppHost:DashboardApiKey"]);
    }

    /// <summary>Stops everything.</summary>
    /// <returns>Completes once it has stopped.</returns>
    public async Task DisposeAsync()
    {
        _telemetry.Dispose();
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    /// <summary>Finds out what a resource is doing.</summary>
    /// <param name="image">The build.</param>
    /// <returns>Its present state.</returns>
    public ResourceEvent StateOf(HelloImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Assert.True(App.ResourceNotifications.TryGetCurrentState(image.Resource, out var state), $"No state of {image} is known.");
        return state;
    }

    /// <summary>Finds the container that runs a build.</summary>
    /// <param name="image">The build.</param>
    /// <returns>The container's ID.</returns>
    public string ContainerId(HelloImage image)
    {
        return Assert.IsType<string>(StateOf(image).Snapshot.Properties.Single(p => p.Name == "container.id").Value);
    }

    /// <summary>Runs a command of a resource, as a click in the dashboard does.</summary>
    /// <param name="image">The build.</param>
    /// <param name="command">The command's name.</param>
    /// <param name="arguments">What is typed into its dialog in place of the defaults.</param>
    public async Task<ExecuteCommandResult> ExecuteAsync(HelloImage image, string command, params (string Name, string Value)[] arguments)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        return await App.ResourceCommands.ExecuteCommandAsync(
            image.Resource, command, new InteractionInputCollection([.. arguments.Select(a => new InteractionInput { Name = a.Name, Value = a.Value, InputType = InputType.Number })]), limit.Token);
    }

    /// <summary>Everything that a resource has written to its console.</summary>
    /// <param name="image">The build.</param>
    /// <returns>The lines.</returns>
    public Task<List<string>> ConsoleLogAsync(HelloImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return ConsoleLogAsync(App, image.Resource);
    }

    /// <summary>Everything that a resource of any application has written to its console.</summary>
    /// <param name="app">The application.</param>
    /// <param name="resource">The resource's name.</param>
    /// <returns>The lines.</returns>
    public static async Task<List<string>> ConsoleLogAsync(DistributedApplication app, string resource)
    {
        ArgumentNullException.ThrowIfNull(app);
        Assert.True(app.ResourceNotifications.TryGetCurrentState(resource, out var state), $"No state of {resource} is known.");
        List<string> lines = [];
        await foreach (var batch in app.Services.GetRequiredService<ResourceLoggerService>().GetAllAsync(state.ResourceId))
        {
            lines.AddRange(batch.Select(l => l.Content));
        }

        return lines;
    }

    /// <summary>Asks the dashboard what telemetry it has.</summary>
    /// <param name="path">What of it: "resources", "spans?resource=alpine".</param>
    /// <returns>The answer; null while it knows of no such resource.</returns>
    public async Task<JsonElement?> TelemetryAsync(string path)
    {
        using var answer = await _telemetry.GetAsync(new Uri($"/api/telemetry/{path}", UriKind.Relative));
        return answer.StatusCode == HttpStatusCode.NotFound
            ? null
            : (await JsonDocument.ParseAsync(await answer.EnsureSuccessStatusCode().Content.ReadAsStreamAsync())).RootElement;
    }
}

/// <summary>The tests that use the shared application; they run one after the other.</summary>
[CollectionDefinition(Name)]
#pragma warning disable CA1711 // xunit's word for it.
public sealed class HelloApplicationCollection : ICollectionFixture<HelloApplication>
#pragma warning restore CA1711
{
    /// <summary>Name of the collection.</summary>
    public const string Name = nameof(HelloApplication);
}
