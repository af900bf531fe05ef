using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dashboard;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Dcp;

/// <summary>Has DCP run what the model describes, and publishes what becomes of it.</summary>
internal sealed class Orchestrator(
    DistributedApplicationModel model,
    DistributedApplicationOptions options,
    DcpProcess dcpProcess,
    DashboardServiceHost dashboardService,
    ResourceNotificationService notifications,
    ResourceLoggerService logs,
    AppHostMetadata appHost,
    IConfiguration configuration,
    IHostEnvironment environment,
    IHostApplicationLifetime lifetime,
    ILoggerFactory loggers) : IHostedService, IDisposable
{
    private const string NetworkName = "aspire-container-network";
    private const string HostAlias = "aspire.dev.internal";

    /// <summary>The first run of all builds an image for the tunnel.</summary>
    private static readonly TimeSpan TunnelTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan PortTimeout = TimeSpan.FromSeconds(20);

    private readonly ILogger _logger = loggers.CreateLogger<DistributedApplication>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, DcpObject<ContainerSpec, ContainerStatus>> _containers = [];
    private readonly Dictionary<string, ContainerResource> _resources = [];
    private DcpClient? _dcp;
    private Task _background = Task.CompletedTask;

    private DcpClient Dcp => _dcp ?? throw new InvalidOperationException("The application has not been started.");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _logger.LogInformation("Running on the stand-in for Aspire.Hosting: eng/setup.sh found no NuGet source with the Aspire packages (see offline/README.md).");
        _logger.LogInformation("Distributed application starting. Application host directory is: {AppHostDirectory}", appHost.Directory);
        var timeout = configuration.GetValue<TimeSpan>("DcpPublisher:ContainerRuntimeInitializationTimeout");
        var problem = await dcpProcess.CheckContainerRuntimeAsync(timeout, cancellationToken).ConfigureAwait(false);
        try
        {
            _dcp = await dcpProcess.StartAsync(Directory.CreateTempSubdirectory("aspire-dcp-"), cancellationToken).ConfigureAwait(false);
            if (!options.DisableDashboard)
            {
                await StartDashboardAsync(cancellationToken).ConfigureAwait(false);
            }

            foreach (var container in model.Resources.OfType<ContainerResource>())
            {
                await PrepareContainerAsync(container, problem, cancellationToken).ConfigureAwait(false);
            }

            // Without an engine, too: DCP waits for it.
            _background = Task.WhenAll(WatchContainersAsync(_stopping.Token), CreateContainersAsync(_stopping.Token));
        }
        catch
        {
            await StopAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        lifetime.ApplicationStarted.Register(() => _logger.LogInformation("Distributed application started. Press Ctrl+C to shut down."));
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _background.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Interlocked.Exchange(ref _dcp, null) is { } dcp)
        {
            try
            {
                await dcp.ShutDownAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or HttpRequestException or DistributedApplicationException)
            {
                _logger.LogWarning("Not all containers and networks are removed yet ({Message}): DCP goes on by itself until they are.", e.Message);
            }

            dcp.Dispose();
        }

        await dashboardService.StopAsync().ConfigureAwait(false);
    }

    /// <summary>Starts a container that has ended: builds its image again, if need be, and makes a new one under the same name.</summary>
    public async Task StartContainerAsync(string id, CancellationToken cancellationToken)
    {
        await PublishStateAsync(id, KnownResourceStates.Starting).ConfigureAwait(false);
        await Dcp.DeleteAsync(DcpKinds.Container, id, cancellationToken).ConfigureAwait(false);
        await Dcp.CreateAsync(DcpKinds.Container, _containers[id], cancellationToken).ConfigureAwait(false);
    }

    public async Task StopContainerAsync(string id, CancellationToken cancellationToken)
    {
        await Dcp.StopContainerAsync(id, cancellationToken).ConfigureAwait(false);
        await notifications.WaitForResourceAsync(
            _resources[id].Name, e => e.Snapshot.State is { } state && KnownResourceStates.TerminalStates.Contains(state.Text), cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _stopping.Dispose();

    private async Task StartDashboardAsync(CancellationToken cancellationToken)
    {
        var dashboard = new DashboardExecutable(appHost, configuration);
        model.Resources.Add(dashboard.Resource);
        foreach (var endpoint in dashboard.Resource.Annotations.OfType<EndpointAnnotation>())
        {
            await AllocateAsync(dashboard.Resource, endpoint, cancellationToken).ConfigureAwait(false);
        }

        await dashboardService.StartAsync(cancellationToken).ConfigureAwait(false);
        await Dcp.CreateAsync(DcpKinds.Executable, dashboard.ToDcpObject(dashboardService.Url, ServiceName), cancellationToken).ConfigureAwait(false);
        await notifications.PublishUpdateAsync(dashboard.Resource, s => s with { State = KnownResourceStates.Running, IsHidden = true }).ConfigureAwait(false);

        var url = dashboard.Resource.GetEndpoint(DashboardResource.HttpEndpoint).Url;
        _logger.LogInformation("Now listening on: {DashboardUrl}", url);
        _logger.LogInformation("Login to the dashboard at {DashboardUrl}/login?t={Token}", url, configuration["AppHost:BrowserToken"]);
    }

    /// <param name="container">The resource.</param>
    /// <param name="problem">What is wrong with the container engine; null when it runs.</param>
    /// <param name="cancellationToken">Calls the start off.</param>
    private async Task PrepareContainerAsync(ContainerResource container, string? problem, CancellationToken cancellationToken)
    {
        var id = $"{container.Name}-{Suffix()}";
        _resources[id] = container;
        logs.Alias(container.Name, id);
        if (problem is not null)
        {
            logs.GetLogger(id).LogWarning("{Problem}", problem);
        }

        var icon = container.Annotations.OfType<ResourceIconAnnotation>().LastOrDefault();
        await notifications.PublishUpdateAsync(container, id, s => s with
        {
            State = problem is null ? KnownResourceStates.Starting : KnownResourceStates.RuntimeUnhealthy,
            IconName = icon?.IconName,
            IconVariant = icon?.IconVariant,
            HealthReports = NotYetRun(container),
        }).ConfigureAwait(false);

        foreach (var endpoint in container.Annotations.OfType<EndpointAnnotation>())
        {
            await AllocateAsync(container, endpoint, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Has DCP listen for the endpoint, on the port asked for or on any free one.</summary>
    private async Task AllocateAsync(IResource resource, EndpointAnnotation endpoint, CancellationToken cancellationToken)
    {
        var port = configuration.GetValue<bool>("DcpPublisher:RandomizePorts") ? null : endpoint.Port;
        var service = DcpKinds.Service.New(ServiceName(resource, endpoint), new("localhost", port, "Localhost"));
        await Dcp.CreateAsync(DcpKinds.Service, service, cancellationToken).ConfigureAwait(false);
        var allocated = await WaitForPortAsync(
            service.Metadata.Name, $"Endpoint '{endpoint.Name}' of '{resource.Name}' got no port{(port is null ? "" : $"; port {port} may be taken")}.", cancellationToken).ConfigureAwait(false);
        endpoint.AllocatedEndpoint = new(endpoint, "localhost", allocated);
    }

    private async Task<int> WaitForPortAsync(string serviceName, string failure, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(PortTimeout);
        try
        {
            for (; ; await Task.Delay(50, timeout.Token).ConfigureAwait(false))
            {
                if (await Dcp.FindAsync(DcpKinds.Service, serviceName, timeout.Token).ConfigureAwait(false) is { Status.EffectivePort: > 0 and var port })
                {
                    return port;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DistributedApplicationException(failure);
        }
    }

    private async Task CreateContainersAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Dcp.CreateAsync(
                DcpKinds.ContainerNetwork,
                DcpKinds.ContainerNetwork.New(NetworkName, new($"aspire-session-network-{Suffix()}-{appHost.Name.ToLowerInvariant()}")),
                cancellationToken).ConfigureAwait(false);
            var otlp = await OpenTunnelAsync(cancellationToken).ConfigureAwait(false);
            foreach (var (id, resource) in _resources)
            {
                try
                {
                    _containers[id] = ToDcpObject(id, resource, otlp);
                    await Dcp.CreateAsync(DcpKinds.Container, _containers[id], cancellationToken).ConfigureAwait(false);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    await FailAsync(id, e).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            foreach (var id in _resources.Keys)
            {
                await FailAsync(id, e).ConfigureAwait(false);
            }
        }

        Task FailAsync(string id, Exception e)
        {
            Write(id, $"The container could not be created: {e.Message}");
            return PublishStateAsync(id, KnownResourceStates.FailedToStart);
        }
    }

    /// <summary>Makes the dashboard's OTLP endpoints reachable from the container network, which loopback ports are not.</summary>
    /// <returns>URL by endpoint name.</returns>
    private async Task<Dictionary<string, string>> OpenTunnelAsync(CancellationToken cancellationToken)
    {
        if (model.Resources.OfType<DashboardResource>().SingleOrDefault() is not { } dashboard
            || !_resources.Values.Any(r => r.Annotations.OfType<OtlpExporterAnnotation>().Any()))
        {
            return [];
        }

        var tunnels = dashboard.Annotations.OfType<EndpointAnnotation>()
            .Select(e => (Endpoint: e.Name, Tunnel: new TunnelSpec($"{ServiceName(dashboard, e)}-tunnel", ServiceName(dashboard, e), $"{ServiceName(dashboard, e)}-tunnel")))
            .ToArray();
        foreach (var (_, tunnel) in tunnels)
        {
            await Dcp.CreateAsync(
                DcpKinds.Service,
                DcpKinds.Service.New(tunnel.ClientServiceName, new(null, null, "Proxyless"), new() { ["container-network"] = NetworkName }),
                cancellationToken).ConfigureAwait(false);
        }

        var proxy = DcpKinds.TunnelProxy.New($"{NetworkName}-tunnelproxy", new(NetworkName, [HostAlias], [.. tunnels.Select(t => t.Tunnel)]));
        await Dcp.CreateAsync(DcpKinds.TunnelProxy, proxy, cancellationToken).ConfigureAwait(false);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TunnelTimeout);
        for (; ; await Task.Delay(100, cancellationToken).ConfigureAwait(false))
        {
            if (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new DistributedApplicationException($"The tunnel from the container network to the dashboard did not start within {TunnelTimeout.TotalMinutes} minutes.");
            }

            var status = (await Dcp.FindAsync(DcpKinds.TunnelProxy, proxy.Metadata.Name, cancellationToken).ConfigureAwait(false))?.Status;
            if (status?.State == "Failed")
            {
                throw new DistributedApplicationException($"The tunnel from the container network to the dashboard did not start: {status.Message}");
            }

            if (status?.State == "Running")
            {
                break;
            }
        }

        Dictionary<string, string> urls = [];
        foreach (var (endpoint, tunnel) in tunnels)
        {
            var port = await WaitForPortAsync(tunnel.ClientServiceName, $"The tunnel to the dashboard's endpoint '{endpoint}' got no port.", cancellationToken).ConfigureAwait(false);
            urls[endpoint] = $"http://{HostAlias}:{port}";
        }

        return urls;
    }

    private DcpObject<ContainerSpec, ContainerStatus> ToDcpObject(string id, ContainerResource resource, Dictionary<string, string> otlp)
    {
        var build = resource.Annotations.OfType<DockerfileBuildAnnotation>().Single();
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToArray();
        return DcpKinds.Container.New(
            id,
            new()
            {
                ContainerName = id,
                Image = resource.Annotations.OfType<ContainerImageAnnotation>().Single().Reference,
                Build = new(build.ContextPath, build.DockerfilePath, build.Stage, [.. build.BuildArguments.Select(a => new EnvVar(a.Key, a.Value?.ToString()))]),
                Ports = [.. endpoints.Select(e => new PortSpec(TargetPort(resource, e)))],
                Env = [.. Environment(resource, id, otlp).Select(v => new EnvVar(v.Key, v.Value))],
                RunArgs = [.. resource.Annotations.OfType<ContainerRuntimeArgsAnnotation>().SelectMany(a => a.Args)],
                Networks = [new(NetworkName, [resource.Name, $"{resource.Name}.dev.internal"])],
            },
            new()
            {
                [ServiceProducer.Annotation] = JsonSerializer.Serialize(
                    [.. endpoints.Select(e => new ServiceProducer(ServiceName(resource, e), "localhost", TargetPort(resource, e)))],
                    DcpJson.Default.ServiceProducerArray),
            });

        static int TargetPort(ContainerResource resource, EndpointAnnotation endpoint) => endpoint.TargetPort
            ?? throw new DistributedApplicationException($"The endpoint '{endpoint.Name}' for container resource '{resource.Name}' must specify the TargetPort value");
    }

    private Dictionary<string, string> Environment(ContainerResource resource, string id, Dictionary<string, string> otlp)
    {
        Dictionary<string, string> variables = [];
        if (resource.Annotations.OfType<OtlpExporterAnnotation>().LastOrDefault() is { } exporter)
        {
            var (endpoint, protocol, setting) = exporter.RequiredProtocol switch
            {
                OtlpProtocol.HttpProtobuf => (DashboardResource.OtlpHttpEndpoint, "http/protobuf", DashboardExecutable.OtlpHttpSetting),
                OtlpProtocol.HttpJson => (DashboardResource.OtlpHttpEndpoint, "http/json", DashboardExecutable.OtlpHttpSetting),
                _ => (DashboardResource.OtlpGrpcEndpoint, "grpc", DashboardExecutable.OtlpGrpcSetting),
            };
            // Without a dashboard there is no tunnel, and what is sent to the configured address arrives nowhere.
            var url = otlp.GetValueOrDefault(endpoint) ?? new UriBuilder(configuration[setting] ?? "http://localhost:18889") { Host = HostAlias }.Uri.GetLeftPart(UriPartial.Authority);
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = url;
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol;
            variables["OTEL_EXPORTER_OTLP_HEADERS"] = $"x-otlp-api-key={configuration["AppHost:OtlpApiKey"]}";
            variables["OTEL_SERVICE_NAME"] = resource.Name;
            variables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={id[(resource.Name.Length + 1)..]}";
            if (environment.IsDevelopment())
            {
                variables["OTEL_BLRP_SCHEDULE_DELAY"] = "1000";
                variables["OTEL_BSP_SCHEDULE_DELAY"] = "1000";
                variables["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
                variables["OTEL_TRACES_SAMPLER"] = "always_on";
                variables["OTEL_METRICS_EXEMPLAR_FILTER"] = "trace_based";
            }
        }

        foreach (var variable in resource.Annotations.OfType<EnvironmentAnnotation>())
        {
            variables[variable.Name] = variable.Value;
        }

        return variables;
    }

    private async Task WatchContainersAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, ContainerLogs> followed = [];
        try
        {
            await foreach (var (deleted, container) in Dcp.WatchAsync(DcpKinds.Container, cancellationToken).ConfigureAwait(false))
            {
                // The tunnel's own container is none of the model's.
                if (deleted || !_resources.ContainsKey(container.Metadata.Name))
                {
                    continue;
                }

                await PublishAsync(container).ConfigureAwait(false);
                var uid = container.Metadata.Uid ?? "";
                if (!followed.TryGetValue(uid, out var log))
                {
                    followed[uid] = log = new(Dcp, logs, container.Metadata.Name, cancellationToken);
                }

                log.FollowWhatThereIs(container.Status?.State);
            }
        }
        finally
        {
            await Task.WhenAll(followed.Values.Select(l => l.Completion)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task PublishAsync(DcpObject<ContainerSpec, ContainerStatus> container)
    {
        var id = container.Metadata.Name;
        var resource = _resources[id];
        var status = container.Status;
        var state = status?.State is null or "" or "Pending" ? KnownResourceStates.Starting : status.State;
        var failedNow = state == KnownResourceStates.FailedToStart
            && notifications.TryGetCurrentState(id, out var last) && last.Snapshot.State?.Text != state;
        if (failedNow && status?.Message is { Length: > 0 } message)
        {
            // What a build said is in the log already; DCP repeats all of it.
            Write(id, message.Contains("'BuildImage'", StringComparison.Ordinal) ? message.Split('\n')[0] : message);
        }

        var runs = state == KnownResourceStates.Running;
        await notifications.PublishUpdateAsync(resource, id, s => s with
        {
            State = state,
            CreationTimeStamp = container.Metadata.CreationTimestamp?.ToUniversalTime() ?? s.CreationTimeStamp,
            StartTimeStamp = status?.StartupTimestamp?.ToUniversalTime(),
            StopTimeStamp = status?.FinishTimestamp?.ToUniversalTime(),
            ExitCode = status?.ExitCode is null or -1 ? null : status.ExitCode,
            EnvironmentVariables =
            [
                .. (status?.EffectiveEnv ?? []).Select(v => new EnvironmentVariableSnapshot(v.Name, v.Value, container.Spec.Env.Any(own => own.Name == v.Name))),
            ],
            Urls = [.. Urls(resource).Select(u => u with { IsInactive = !runs })],
            // What the checks said of an earlier run says nothing of this one.
            HealthReports = runs ? s.HealthReports : NotYetRun(resource),
            Properties =
            [
                .. s.Properties.Where(p => !p.Name.StartsWith("container.", StringComparison.Ordinal)),
                new("container.image", container.Spec.Image),
                new("container.id", status?.ContainerId),
                new("container.ports", container.Spec.Ports.Select(p => p.ContainerPort).ToArray()),
                new("container.lifetime", "Session"),
            ],
        }).ConfigureAwait(false);
    }

    /// <summary>Tells of a failure in the resource's console log.</summary>
    private void Write(string id, string message) => logs.Write(id, $"{DateTime.UtcNow:O} {message}", isError: true);

    private static IEnumerable<UrlSnapshot> Urls(ContainerResource resource)
    {
        foreach (var annotation in resource.Annotations.OfType<EndpointAnnotation>())
        {
            var endpoint = resource.GetEndpoint(annotation.Name);
            var url = new ResourceUrlAnnotation { Url = endpoint.Url, Endpoint = endpoint };
            foreach (var change in resource.Annotations.OfType<UrlCallbackAnnotation>().Where(c => c.EndpointName == annotation.Name))
            {
                change.Callback(url);
            }

            yield return new(annotation.Name, new Uri(new Uri(endpoint.Url), url.Url).ToString(), url.DisplayLocation == UrlDisplayLocation.DetailsOnly)
            {
                DisplayProperties = new(url.DisplayText ?? ""),
            };
        }
    }

    private static ImmutableArray<HealthReportSnapshot> NotYetRun(ContainerResource resource) =>
        [.. resource.Annotations.OfType<HealthCheckAnnotation>().Select(c => new HealthReportSnapshot(c.Key, null, null, null))];

    private Task PublishStateAsync(string id, string state) => notifications.PublishUpdateAsync(_resources[id], id, s => s with { State = state });

    private static string ServiceName(IResource resource, EndpointAnnotation endpoint) => $"{resource.Name}-{endpoint.Name}";

    private static string Suffix() => RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8);
}
