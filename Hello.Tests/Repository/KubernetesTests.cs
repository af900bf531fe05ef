using k8s;
using k8s.Models;

namespace Hello.Tests;

/// <summary>
/// The files in <c>deploy/kubernetes</c> fit each other. PlayedPodTests.cs sees what the pod has. deploy.yml runs them on a cluster: it
/// updates under load, calls the service, breaks the policies, and reads the telemetry. So no test here repeats that.
/// </summary>
[Trait("Needs", "Gnu")]
public sealed class KubernetesTests
{
    private const string Name = "hello";

    private static readonly string Root = RepositoryFolder.Find();

    private static V1Deployment Deployment => Load<V1Deployment>("base/deployment.yaml");

    private static V1Container Container => Assert.Single(Deployment.Spec.Template.Spec.Containers);

    [Fact]
    public void Probes_services_and_policies_lead_to_the_pods_and_the_port_of_the_API()
    {
        var port = Assert.Single(Container.Ports);
        V1Probe[] probes = [Container.StartupProbe, Container.ReadinessProbe, Container.LivenessProbe];
        V1Service[] services = [Load<V1Service>("base/service.yaml"), Load<V1Service>("../kind/service.yaml")];
        var policy = Load<V1NetworkPolicy>("base/networkpolicy.yaml").Spec;
        IDictionary<string, string>[] selectors =
        [
            Deployment.Spec.Selector.MatchLabels,
            Assert.Single(Deployment.Spec.Template.Spec.TopologySpreadConstraints).LabelSelector.MatchLabels,
            .. services.Select(service => service.Spec.Selector),
            Load<V1PodDisruptionBudget>("base/poddisruptionbudget.yaml").Spec.Selector.MatchLabels,
            policy.PodSelector.MatchLabels,
            Load<V1NetworkPolicy>("overlays/telemetry/networkpolicy.yaml").Spec.PodSelector.MatchLabels,
        ];

        Assert.Equal(HelloImage.Port, port.ContainerPort);
        Assert.All(probes, probe => Assert.Equal(port.Name, $"{probe.HttpGet.Port}"));
        Assert.All(services, service => Assert.Equal(port.Name, $"{Assert.Single(service.Spec.Ports).TargetPort}"));
        Assert.Equal($"{HelloImage.Port}", $"{Assert.Single(Assert.Single(policy.Ingress).Ports).Port}");
        Assert.Empty(policy.Egress);
        Assert.All(selectors, selector => Assert.Equal(Deployment.Spec.Template.Metadata.Labels, selector));
    }

    /// <summary>The cluster of deploy.yml has no load and no second node, so nothing there is scaled or drained.</summary>
    [Fact]
    public void Autoscaler_and_disruption_budget_fit_the_deployment()
    {
        var autoscaler = Load<V2HorizontalPodAutoscaler>("base/horizontalpodautoscaler.yaml").Spec;
        var (target, metric) = (autoscaler.ScaleTargetRef, Assert.Single(autoscaler.Metrics).Resource);
        var budget = Load<V1PodDisruptionBudget>("base/poddisruptionbudget.yaml").Spec;

        Assert.Equal((Deployment.ApiVersion, Deployment.Kind, Deployment.Metadata.Name), (target.ApiVersion, target.Kind, target.Name));
        Assert.Null(Deployment.Spec.Replicas); // `kubectl apply` would set back what the autoscaler has set
        // It measures the load as a part of the request. With a limit, the kernel would stop the API before it has measured.
        Assert.Equal(("cpu", "Utilization"), (metric.Name, metric.Target.Type));
        Assert.True(Container.Resources.Requests.ContainsKey("cpu"));
        Assert.Equal(["memory"], Container.Resources.Limits.Keys);
        Assert.Equal("1", $"{budget.MaxUnavailable}");
        Assert.True(autoscaler.MinReplicas > 1, "With one pod, each drain would stop the service.");
    }

    [Fact]
    public void With_telemetry_the_API_may_call_its_collector_and_DNS_only()
    {
        var variables = Assert.Single(Load<V1Deployment>("overlays/telemetry/deployment.yaml").Spec.Template.Spec.Containers).Env;
        var endpoint = new Uri(variables.Single(v => v.Name == "OTEL_EXPORTER_OTLP_ENDPOINT").Value);
        var policy = Load<V1NetworkPolicy>("overlays/telemetry/networkpolicy.yaml").Spec;

        Assert.Equal(Uri.UriSchemeHttp, endpoint.Scheme);
        Assert.Equal(["Egress"], policy.PolicyTypes);
        Assert.Equal(
            [
                ($"kubernetes.io/metadata.name={endpoint.Host.Split('.')[1]}", $"TCP {endpoint.Port}"),
                ("kubernetes.io/metadata.name=kube-system k8s-app=kube-dns", "UDP 53, TCP 53"),
            ],
            policy.Egress.Select(e => (Labels(Assert.Single(e.To)), string.Join(", ", e.Ports.Select(p => $"{p.Protocol} {p.Port}")))));

        static string Labels(V1NetworkPolicyPeer peer) => string.Join(' ', new[] { peer.NamespaceSelector, peer.PodSelector }
            .SelectMany(selector => selector?.MatchLabels.ToArray() ?? []).Select(label => $"{label.Key}={label.Value}"));
    }

    [FactIfInstalled("kubectl")]
    public async Task Kustomize_puts_every_object_into_the_namespace()
    {
        var objects = await KustomizeAsync("deploy/kubernetes");

        Assert.Equal(
            ["Namespace", "Service", "Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"], objects.Select(o => o.Kind));
        Assert.All(objects, o => Assert.Equal(Name, ((IMetadata<V1ObjectMeta>)o).Metadata.Name));
        Assert.All(objects.Skip(1), o => Assert.Equal(Name, ((IMetadata<V1ObjectMeta>)o).Metadata.NamespaceProperty));
    }

    /// <summary>Runs the step of publish.yml. The base is in the release that it names. Here, it is the folder in this repository.</summary>
    [FactIfInstalled("kubectl")]
    public async Task The_kustomization_of_a_release_runs_the_published_image_by_digest()
    {
        const string address = "https://github.com/Owner/Hello//deploy/kubernetes?ref=v1.2";
        const string repository = "ghcr.io/owner/hello";
        var digest = $"sha256:{new string('a', 64)}";
        using var folder = new TempFolder();
        var (exitCode, _, error) = await CommandLine.TryAsync(Cli.Wrap("bash")
            .WithArguments(["-euo", "pipefail", "-c", WorkflowTests.StepOf("publish.yml", "Say how to run it on Kubernetes")])
            .WithWorkingDirectory(folder.FullName)
            .WithEnvironmentVariables(environment => environment
                .Set("GITHUB_STEP_SUMMARY", "summary.md").Set("GITHUB_SERVER_URL", "https://github.com").Set("GITHUB_REPOSITORY", "Owner/Hello")
                .Set("GITHUB_REF_NAME", "v1.2").Set("REPOSITORY", repository).Set("DIGEST", digest)));
        Assert.True(exitCode == 0, error);

        var summary = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "summary.md"));
        var kustomization = summary.Split("```yaml\n")[1].Split("```")[0];
        Assert.Contains($"  - {address}\n", kustomization, StringComparison.Ordinal);
        var local = Path.GetRelativePath(folder.FullName, Path.Combine(Root, "deploy", "kubernetes"));
        await File.WriteAllTextAsync(
            Path.Combine(folder.FullName, "kustomization.yaml"), kustomization.Replace(address, local, StringComparison.Ordinal));

        var deployment = Assert.Single((await KustomizeAsync(folder.FullName)).OfType<V1Deployment>());
        Assert.Equal($"{repository}@{digest}", Assert.Single(deployment.Spec.Template.Spec.Containers).Image);
    }

    private static T Load<T>(string file) =>
        Assert.IsType<T>(Assert.Single(Parse(File.ReadAllText(Path.Combine(Root, "deploy", "kubernetes", file)))));

    /// <summary>A field that Kubernetes does not know is an error here. A cluster may ignore it, such as a limit with a typo.</summary>
    private static IKubernetesObject[] Parse(string yaml) => [.. KubernetesYaml.LoadAllFromString(yaml, strict: true).Cast<IKubernetesObject>()];

    internal static async Task<IKubernetesObject[]> KustomizeAsync(string folder) =>
        Parse(await CommandLine.RunAsync("kubectl", "kustomize", Path.Combine(Root, folder)));
}
