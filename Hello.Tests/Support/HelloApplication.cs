namespace Hello.Tests;

/// <summary>The application that the tests share: the three builds from their Dockerfiles, and the dashboard.</summary>
/// <remarks>
/// Classes with a collection of their own use it, too, so that their tests run side by side. The first of them starts it, the last one
/// stops it.
/// </remarks>
public sealed class HelloApplication : IAsyncLifetime
{
    /// <summary>The first run publishes the API twice, once as a native binary.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(12);

    /// <summary>The settings that hold the keys of the dashboard and its endpoints.</summary>
    public static readonly string[] Keys =
        ["AppHost:BrowserToken", "AppHost:DashboardApiKey", "AppHost:OtlpApiKey", "AppHost:ResourceService:ApiKey"];

    private static readonly SemaphoreSlim Gate = new(1);

    private static int _users;
    private static bool _started;
    private static Running? _shared;

    private Running? _running;

    /// <summary>The application. It has started, and all containers are healthy.</summary>
    public DistributedApplication App => _running?.App ?? throw new InvalidOperationException("The application has not been started.");

    public async Task InitializeAsync()
    {
        await Gate.WaitAsync();
        try
        {
            _users++;
            _running = _shared ??= await StartAsync();
            _started = true;
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Makes sure that the images are built. If the application has run before, they are.</summary>
    public static async Task BuildImagesAsync()
    {
        if (!_started)
        {
            var application = new HelloApplication();
            await application.InitializeAsync();
            await application.DisposeAsync();
        }
    }

    private static async Task<Running> StartAsync()
    {
        using var limit = new CancellationTokenSource(StartLimit);
        var builder = await CreateBuilderAsync(new() { EnableDashboard = true }, limit.Token);
        // A comparison takes minutes, so there is one already.
        var folder = Directory.CreateTempSubdirectory("hello-test-");
        var comparison = new ComparisonFiles(folder.FullName);
        var images = HelloImages.Specification.Select(image => ComparisonTests.Image(image.Resource, 10_538_264, image.Uid, 0.02));
        await WholeFiles.WriteAsync(comparison.Write(ComparisonTests.Result([.. images])));
        builder.Services.AddSingleton(comparison);
        var app = await builder.BuildAsync(limit.Token);
        await app.StartAsync(limit.Token);
        Console.WriteLine("Building and starting the images. The first time takes minutes.");
        await Task.WhenAll(HelloImages.Specification.Select(image =>
            app.ResourceNotifications.WaitForResourceHealthyAsync(image.Resource, WaitBehavior.StopOnResourceUnavailable, limit.Token)));
        Console.WriteLine("The images are healthy.");
        var telemetry = new HttpClient { BaseAddress = await app.GetDashboardUrlAsync(limit.Token) };
        telemetry.DefaultRequestHeaders.Add("x-api-key", builder.Configuration["AppHost:DashboardApiKey"]);
        Dictionary<ImageSpecification, string> imageIds = [];
        foreach (var image in HelloImages.Specification)
        {
            var container = StateOf(app, image.Resource).ResourceId;
            imageIds[image] = await CommandLine.DockerAsync("container", "inspect", "--format", "{{.Image}}", container);
        }

        return new(builder, app, telemetry, imageIds, folder);
    }

    /// <summary>A builder for the AppHost in this process.</summary>
    public static async Task<IDistributedApplicationTestingBuilder> CreateBuilderAsync(
        DistributedApplicationTestingBuilderOptions options, CancellationToken cancellationToken)
    {
        string[] arguments =
        [
            "--ASPIRE_DASHBOARD_PERSISTENCE_MODE=None", // otherwise the dashboard keeps the run in the user's home folder
            "--ASPIRE_VERSION_CHECK_DISABLED=true", // otherwise it asks NuGet
        ];
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Hello_AppHost>(options, arguments, cancellationToken);
        // Otherwise the keys change when another AppHost writes into the user secrets.
        builder.Configuration.AddInMemoryCollection(Keys.Select(key => KeyValuePair.Create(key, builder.Configuration[key])).ToArray());
        // Otherwise the dashboard opens no dialog in a test.
        builder.Configuration["ASPIRE_INTERACTIVITY_ENABLED"] = "true";
        // The console belongs to the test runner. The containers write thousands of lines.
        builder.Services.AddLogging(logging => logging.ClearProviders());
        return builder;
    }

    public async Task DisposeAsync()
    {
        await Gate.WaitAsync();
        try
        {
            if (--_users == 0 && _shared is { } running)
            {
                _shared = null;
                running.Telemetry.Dispose();
                await running.Builder.DisposeAsync(); // and the application with it
                running.Comparison.Delete(recursive: true);
            }
        }
        finally
        {
            Gate.Release();
        }
    }

    public ResourceEvent StateOf(ImageSpecification image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return StateOf(App, image.Resource);
    }

    /// <summary>The address that logs a browser in to the dashboard.</summary>
    public Uri DashboardLogin => new(_running!.Telemetry.BaseAddress!, $"/login?t={_running.Builder.Configuration["AppHost:BrowserToken"]}");

    /// <summary>Fails if a build does not run. A test beside this one may be restarting it.</summary>
    public async Task AssertRunsAsync()
    {
        foreach (var image in HelloImages.Specification)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await App.ResourceNotifications.WaitForResourceAsync(image.Resource, KnownResourceStates.Running, limit.Token);
        }
    }

    public string ContainerId(ImageSpecification image) =>
        Assert.IsType<string>(StateOf(image).Snapshot.Properties.Single(p => p.Name == "container.id").Value);

    /// <summary>The ID of a build's image. Somebody else may build another image under the same tag.</summary>
    public string ImageId(ImageSpecification image) => _running!.ImageIds[image];

    /// <summary>Runs a command of a resource, as a click in the dashboard does.</summary>
    /// <param name="arguments">What is typed into its dialog in place of the defaults.</param>
    public async Task<ExecuteCommandResult> ExecuteAsync(ImageSpecification image, string command, params (string Name, string Value)[] arguments)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var inputs = arguments.Select(a => new InteractionInput { Name = a.Name, Value = a.Value, InputType = InputType.Number });
        return await App.ResourceCommands.ExecuteCommandAsync(image.Resource, command, new InteractionInputCollection([.. inputs]), limit.Token);
    }

    public Task<List<string>> ConsoleLogAsync(ImageSpecification image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return ConsoleLogAsync(App, image.Resource);
    }

    public static async Task<List<string>> ConsoleLogAsync(DistributedApplication app, string resource)
    {
        ArgumentNullException.ThrowIfNull(app);
        List<string> lines = [];
        await foreach (var batch in app.Services.GetRequiredService<ResourceLoggerService>().GetAllAsync(StateOf(app, resource).ResourceId))
        {
            lines.AddRange(batch.Select(l => l.Content));
        }

        return lines;
    }

    private static ResourceEvent StateOf(DistributedApplication app, string resource)
    {
        Assert.True(app.ResourceNotifications.TryGetCurrentState(resource, out var state), $"No state of {resource} is known.");
        return state;
    }

    /// <summary>Asks the dashboard what telemetry it has.</summary>
    /// <param name="path">Such as "resources" or "spans?resource=alpine".</param>
    /// <returns>The answer; null while the dashboard does not know the resource.</returns>
    public async Task<JsonElement?> TelemetryAsync(string path)
    {
        using var answer = await _running!.Telemetry.GetAsync(new Uri($"/api/telemetry/{path}", UriKind.Relative));
        return answer.StatusCode == HttpStatusCode.NotFound
            ? null
            : (await JsonDocument.ParseAsync(await answer.EnsureSuccessStatusCode().Content.ReadAsStreamAsync())).RootElement;
    }

    private sealed record Running(
        IDistributedApplicationTestingBuilder Builder,
        DistributedApplication App,
        HttpClient Telemetry,
        Dictionary<ImageSpecification, string> ImageIds,
        DirectoryInfo Comparison);
}

#pragma warning disable CA1711 // xunit's word for it.
/// <summary>The tests that use the shared application. They run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class HelloApplicationCollection : ICollectionFixture<HelloApplication>
{
    public const string Name = nameof(HelloApplication);
}

/// <summary>The tests that put the machine under load.</summary>
/// <remarks>They run alone, because a server that gets no processor time closes no connection in time.</remarks>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OverloadCollection : ICollectionFixture<BuiltImages>
{
    public const string Name = "Overload";
}

/// <summary>The three images, without an application that runs them.</summary>
public sealed class BuiltImages : IAsyncLifetime
{
    public Task InitializeAsync() => HelloApplication.BuildImagesAsync();

    public Task DisposeAsync() => Task.CompletedTask;
}
