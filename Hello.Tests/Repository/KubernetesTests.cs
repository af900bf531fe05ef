using System.Text.RegularExpressions;
using CliWrap;
using Hello.Compare.Images;
using k8s;
using k8s.Models;
using YamlDotNet.Serialization;

namespace Hello.Tests;

/// <summary>
/// The files in <c>deploy/kubernetes</c> are correct, agree with each other, and give the container what the AppHost gives it.
/// deploy.yml runs them on a cluster.
/// </summary>
public sealed partial class KubernetesTests
{
    private const string Name = "hello";

    private static readonly string Root = RepositoryFolder.Find();

    private static readonly ImageSpecification Image = HelloImages.Specification.Single(i => i.Resource == "scratch-nonroot");

    private static readonly string[] Kustomizations = [.. Find("deploy/kubernetes", "kustomization.yaml")];

    private static string[] Objects => [.. Find("deploy/kubernetes", "*.yaml").Except(Kustomizations), "deploy/kind/service.yaml"];

    /// <summary>All files but those of kustomize and kind, for a theory.</summary>
    public static TheoryData<string> ObjectFiles => [.. Objects];

    /// <summary>All files of kustomize, for a theory.</summary>
    public static TheoryData<string> KustomizationFiles => [.. Kustomizations];

    private static V1Deployment Deployment => Load<V1Deployment>("base/deployment.yaml");

    private static V1Container Container => Assert.Single(Deployment.Spec.Template.Spec.Containers);

    [Theory]
    [MemberData(nameof(ObjectFiles))]
    public void Every_file_is_one_object_with_known_fields_only(string file) => Assert.Single(Parse(Read(file)));

    [Theory]
    [InlineData("readOnlyRootFilesystem:", "readonlyRootFilesystem:")]
    [InlineData("  replicas:", "  replica:")]
    [InlineData("apps/v1", "apps/v0")]
    public void A_field_or_kind_that_Kubernetes_does_not_know_is_refused(string known, string unknown)
    {
        var text = Read("deploy/kubernetes/base/deployment.yaml");

        Assert.Contains(known, text, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => Parse(text.Replace(known, unknown, StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(KustomizationFiles))]
    public void A_kustomization_lists_each_file_of_its_folder_and_nothing_else(string kustomization)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Root, kustomization))!;
        var content = new DeserializerBuilder().IgnoreUnmatchedProperties().WithCaseInsensitivePropertyMatching().Build().Deserialize<Kustomization>(Read(kustomization));
        var listed = content.Resources.Concat(content.Patches.Select(p => p.Path)).ToArray();

        var (files, folders) = (listed.Where(l => l.EndsWith(".yaml", StringComparison.Ordinal)), listed.Where(l => !l.EndsWith(".yaml", StringComparison.Ordinal)));
        Assert.Equal(Directory.EnumerateFiles(folder).Select(Path.GetFileName).Where(f => f != "kustomization.yaml").Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal));
        Assert.All(folders, f => Assert.True(File.Exists(Path.Combine(folder, f, "kustomization.yaml")), $"{f} has no kustomization.yaml."));
    }

    /// <summary>An option that is new in <see cref="HelloImage.LeastPrivilege"/> fails here until somebody decides what it is there.</summary>
    [Fact]
    public void The_container_has_each_option_of_least_privilege()
    {
        var (container, comments) = (Container, Read("deploy/kubernetes/base/deployment.yaml"));
        var rights = container.SecurityContext;
        var options = Options(HelloImage.LeastPrivilege);
        foreach (var (option, value) in options)
        {
            switch (option, value)
            {
                case ("--read-only", ""):
                    Assert.Equal((option, true), (option, rights.ReadOnlyRootFilesystem));
                    break;
                case ("--cap-drop", _):
                    Assert.Equal([value], rights.Capabilities.Drop);
                    Assert.Null(rights.Capabilities.Add);
                    break;
                case ("--security-opt", "no-new-privileges"):
                    Assert.Equal((option, false), (option, rights.AllowPrivilegeEscalation));
                    break;
                case ("--memory", _):
                    Assert.Equal(Quantity(value), container.Resources.Limits["memory"].ToString());
                    break;
                case ("--memory-swap", _):
                    // A container gets no swap if it requests as much memory as it may have.
                    Assert.Equal(options["--memory"], value);
                    Assert.Equal(container.Resources.Limits["memory"].ToString(), container.Resources.Requests["memory"].ToString());
                    break;
                case ("--tmpfs", var mount) when mount.StartsWith("/dev:ro,", StringComparison.Ordinal):
                    Assert.Contains("# - The read-only /dev.", comments, StringComparison.Ordinal);
                    break;
                case ("--pids-limit", _):
                    Assert.Contains($"podPidsLimit. At least {value} are needed.", comments, StringComparison.Ordinal);
                    break;
                default:
                    Assert.Fail($"What is '{option} {value}' on Kubernetes? Add it to the deployment and to this test.");
                    break;
            }
        }

        // Docker writes 96m for 96 MiB, and Kubernetes 96Mi.
        static string Quantity(string docker) => DockerSize().IsMatch(docker) ? docker.Replace("m", "Mi", StringComparison.Ordinal) : throw new FormatException($"{docker} is no number of MiB.");
    }

    [Fact]
    public void The_container_is_the_image_without_root_and_has_its_user()
    {
        var pod = Deployment.Spec.Template.Spec;

        Assert.Equal((Image.Reference, Name), (Container.Image, Container.Name));
        Assert.Equal(HelloImage.Of(Root, Image.Resource).Reference, Container.Image);
        Assert.Equal((true, Image.Uid, Image.Uid), (pod.SecurityContext.RunAsNonRoot, pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup));
        Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
        Assert.Equal((false, false), (pod.AutomountServiceAccountToken, pod.EnableServiceLinks));
        Assert.Null(Container.Env);
        Assert.Null(pod.Volumes);
    }

    [Fact]
    public void The_namespace_takes_restricted_pods_only()
    {
        var labels = Load<V1Namespace>("base/namespace.yaml").Metadata.Labels.Where(l => l.Key.StartsWith("pod-security.kubernetes.io/", StringComparison.Ordinal)).ToDictionary(l => l.Key.Split('/')[1], l => l.Value);

        Assert.Equal(["audit", "audit-version", "enforce", "enforce-version", "warn", "warn-version"], labels.Keys.Order(StringComparer.Ordinal));
        Assert.All(labels, l => Assert.Equal((l.Key, l.Key.EndsWith("-version", StringComparison.Ordinal) ? "latest" : "restricted"), (l.Key, l.Value)));
    }

    [Fact]
    public void Probes_service_and_network_policy_lead_to_the_port_of_the_API()
    {
        var port = Assert.Single(Container.Ports);
        Assert.Equal(HelloImage.Port, port.ContainerPort);

        Assert.Equal(
            [HelloImage.HealthPath, HelloImage.HealthPath, "/alive"],
            new[] { Container.StartupProbe, Container.ReadinessProbe, Container.LivenessProbe }.Select(p => p.HttpGet.Path));
        Assert.All([Container.StartupProbe, Container.ReadinessProbe, Container.LivenessProbe], p => Assert.Equal(port.Name, Text(p.HttpGet.Port)));

        var service = Load<V1Service>("base/service.yaml").Spec;
        var published = Assert.Single(service.Ports);
        Assert.Equal(("ClusterIP", port.Name, 80, port.Name), (service.Type, published.Name, published.Port, Text(published.TargetPort)));

        var policy = Load<V1NetworkPolicy>("base/networkpolicy.yaml").Spec;
        Assert.Equal(["Ingress", "Egress"], policy.PolicyTypes);
        Assert.Equal(("TCP", $"{HelloImage.Port}"), Assert.Single(Assert.Single(policy.Ingress).Ports.Select(p => (p.Protocol, Text(p.Port)))));
        Assert.Null(policy.Ingress[0].FromProperty);
        Assert.Empty(policy.Egress);
    }

    [Fact]
    public void The_port_of_the_node_is_the_one_that_kind_publishes()
    {
        var service = Load<V1Service>("../kind/service.yaml").Spec;
        var nodePort = Assert.Single(service.Ports).NodePort;

        Assert.Equal(("NodePort", Container.Ports[0].Name), (service.Type, Text(service.Ports[0].TargetPort)));
        Assert.Contains($"containerPort: {nodePort}\n", Read("deploy/kind/cluster.yaml"), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_selector_selects_the_pods_of_the_deployment()
    {
        var pod = Deployment.Spec.Template;
        IDictionary<string, string>[] selectors =
        [
            Deployment.Spec.Selector.MatchLabels,
            Assert.Single(pod.Spec.TopologySpreadConstraints).LabelSelector.MatchLabels,
            Load<V1Service>("base/service.yaml").Spec.Selector,
            Load<V1Service>("../kind/service.yaml").Spec.Selector,
            Load<V1PodDisruptionBudget>("base/poddisruptionbudget.yaml").Spec.Selector.MatchLabels,
            Load<V1NetworkPolicy>("base/networkpolicy.yaml").Spec.PodSelector.MatchLabels,
            Load<V1NetworkPolicy>("overlays/telemetry/networkpolicy.yaml").Spec.PodSelector.MatchLabels,
        ];

        Assert.All(selectors, selector => Assert.Equal(pod.Metadata.Labels, selector));
    }

    [Fact]
    public void A_pod_is_replaced_before_it_stops_and_stops_before_it_is_killed()
    {
        var (spec, grace) = (Deployment.Spec, Deployment.Spec.Template.Spec.TerminationGracePeriodSeconds ?? 30);
        Assert.Equal(("RollingUpdate", "0", "1"), (spec.Strategy.Type, Text(spec.Strategy.RollingUpdate.MaxUnavailable), Text(spec.Strategy.RollingUpdate.MaxSurge)));

        const int shutdown = 5; // HelloServer.cs
        Assert.InRange(Container.Lifecycle.PreStop.Sleep.Seconds, 5, grace - shutdown - 5);
    }

    [Fact]
    public void The_autoscaler_starts_with_the_replicas_of_the_deployment()
    {
        var autoscaler = Load<V2HorizontalPodAutoscaler>("base/horizontalpodautoscaler.yaml").Spec;
        var (target, metric) = (autoscaler.ScaleTargetRef, Assert.Single(autoscaler.Metrics));

        Assert.Equal((Deployment.ApiVersion, Deployment.Kind, Deployment.Metadata.Name), (target.ApiVersion, target.Kind, target.Name));
        Assert.Equal((Deployment.Spec.Replicas, 10), (autoscaler.MinReplicas, autoscaler.MaxReplicas));
        Assert.Equal(("cpu", "Utilization", 70), (metric.Resource.Name, metric.Resource.Target.Type, metric.Resource.Target.AverageUtilization));

        // It measures the load as a part of the request. With a limit, the kernel would stop the API before it has measured.
        Assert.True(Container.Resources.Requests.ContainsKey(metric.Resource.Name));
        Assert.Equal(["memory"], Container.Resources.Limits.Keys);
    }

    [Fact]
    public void A_drained_node_takes_one_pod_at_a_time()
    {
        var budget = Load<V1PodDisruptionBudget>("base/poddisruptionbudget.yaml").Spec;

        Assert.Equal(("1", "AlwaysAllow"), (Text(budget.MaxUnavailable), budget.UnhealthyPodEvictionPolicy));
        Assert.True(Deployment.Spec.Replicas > 1, "With one pod, each drain would stop the service.");
    }

    [Fact]
    public void With_telemetry_the_API_may_call_its_collector_and_DNS_only()
    {
        var variables = Telemetry(Load<V1Deployment>("overlays/telemetry/deployment.yaml"));
        var endpoint = new Uri(variables["OTEL_EXPORTER_OTLP_ENDPOINT"].Value);
        Assert.Equal(Uri.UriSchemeHttp, endpoint.Scheme);

        var policy = Load<V1NetworkPolicy>("overlays/telemetry/networkpolicy.yaml").Spec;
        Assert.Equal(["Egress"], policy.PolicyTypes);
        Assert.Equal(
            [
                ($"kubernetes.io/metadata.name={endpoint.Host.Split('.')[1]}", $"TCP {endpoint.Port}"),
                ("kubernetes.io/metadata.name=kube-system k8s-app=kube-dns", "UDP 53, TCP 53"),
            ],
            policy.Egress.Select(e => (Labels(Assert.Single(e.To)), string.Join(", ", e.Ports.Select(p => $"{p.Protocol} {Text(p.Port)}")))));

        static string Labels(V1NetworkPolicyPeer peer) => string.Join(' ', new[] { peer.NamespaceSelector, peer.PodSelector }.Where(s => s is not null).SelectMany(s => s.MatchLabels).Select(l => $"{l.Key}={l.Value}"));
    }

    [Fact]
    public void With_telemetry_each_variable_without_a_value_stands_above_the_one_that_names_it()
    {
        var patch = Load<V1Deployment>("overlays/telemetry/deployment.yaml");
        var variables = Telemetry(patch).Values.ToArray();
        Assert.Equal((Deployment.Metadata.Name, Container.Name), (patch.Metadata.Name, patch.Spec.Template.Spec.Containers[0].Name));

        List<string> named = [];
        for (var i = 0; i < variables.Length; i++)
        {
            var above = variables[..i].Where(v => v.ValueFrom is not null).Select(v => v.Name).ToArray();
            foreach (var name in References().Matches(variables[i].Value ?? "").Select(m => m.Groups["name"].Value))
            {
                Assert.Contains(name, above);
                named.Add(name);
            }
        }

        Assert.Equal(variables.Where(v => v.ValueFrom is not null).Select(v => v.Name).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    [FactIfInstalled("kubectl")]
    public async Task Kustomize_puts_every_object_into_the_namespace()
    {
        var objects = await KustomizeAsync("deploy/kubernetes");

        Assert.Equal(["Namespace", "Service", "Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"], objects.Select(o => o.Kind));
        Assert.All(objects, o => Assert.Equal((o.Kind, Name, o.Kind == "Namespace" ? null : Name), (o.Kind, Metadata(o).Name, Metadata(o).NamespaceProperty)));
        Assert.Equal(Image.Reference, ImageOf(objects));
    }

    [FactIfInstalled("kubectl")]
    public async Task Kustomize_adds_telemetry_and_changes_nothing_else()
    {
        var (plain, objects) = (await KustomizeAsync("deploy/kubernetes"), await KustomizeAsync("deploy/kubernetes/overlays/telemetry"));
        var added = Assert.Single(objects.OfType<V1NetworkPolicy>(), p => p.Metadata.Name == "hello-telemetry");
        var deployment = Assert.Single(objects.OfType<V1Deployment>());

        Assert.Equal(Name, added.Metadata.NamespaceProperty);
        Assert.Equal(Telemetry(Load<V1Deployment>("overlays/telemetry/deployment.yaml")).Keys, Telemetry(deployment).Keys);
        deployment.Spec.Template.Spec.Containers[0].Env = null;
        Assert.Equal(plain.Select(KubernetesYaml.Serialize), objects.Where(o => !ReferenceEquals(o, added)).Select(KubernetesYaml.Serialize));
    }

    [FactIfInstalled("kubectl")]
    public async Task The_kustomization_of_a_release_runs_the_published_image_by_digest()
    {
        var publish = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(Read(".github/workflows/publish.yml"));
        var job = (Dictionary<object, object>)((Dictionary<object, object>)publish["jobs"])["manifest"];
        var step = Assert.Single(((List<object>)job["steps"]).Cast<Dictionary<object, object>>(), s => s.TryGetValue("name", out var name) && name is "Say how to run it on Kubernetes");
        Assert.Equal($"matrix.image == '{Image.Resource}'", step["if"]);

        const string repository = "ghcr.io/owner/hello";
        var digest = $"sha256:{new string('a', 64)}";
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var summary = Path.Combine(folder.FullName, "summary.md");
            var (exitCode, _, error) = await CommandLine.TryAsync(Cli.Wrap("bash")
                .WithArguments(["-euo", "pipefail", "-c", (string)step["run"]])
                .WithWorkingDirectory(folder.FullName)
                .WithEnvironmentVariables(new Dictionary<string, string?>
                {
                    ["GITHUB_STEP_SUMMARY"] = summary,
                    ["GITHUB_SERVER_URL"] = "https://github.com",
                    ["GITHUB_REPOSITORY"] = "Owner/Hello",
                    ["GITHUB_REF_NAME"] = "v1.2",
                    ["REPOSITORY"] = repository,
                    ["DIGEST"] = digest,
                }));
            Assert.True(exitCode == 0, error);

            // The address is that of the release. Here, the base is the folder in this repository.
            const string address = "https://github.com/Owner/Hello//deploy/kubernetes?ref=v1.2";
            var kustomization = (await File.ReadAllTextAsync(summary)).Split("```yaml\n")[1].Split("```")[0];
            Assert.Contains($"  - {address}\n", kustomization, StringComparison.Ordinal);
            var local = Path.GetRelativePath(folder.FullName, Path.Combine(Root, "deploy", "kubernetes"));
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kustomization.yaml"), kustomization.Replace(address, local, StringComparison.Ordinal));

            Assert.Equal($"{repository}@{digest}", ImageOf(await KustomizeAsync(folder.FullName)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [GeneratedRegex("^[0-9]+m$")]
    private static partial Regex DockerSize();

    [GeneratedRegex(@"\$\((?<name>\w+)\)")]
    private static partial Regex References();

    /// <summary>The part of a kustomization that names files.</summary>
    private sealed class Kustomization
    {
        public List<string> Resources { get; set; } = [];

        public List<Patch> Patches { get; set; } = [];
    }

    private sealed class Patch
    {
        public string Path { get; set; } = "";
    }

    private static IEnumerable<string> Find(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal);

    private static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    private static T Load<T>(string file) => Assert.IsType<T>(Assert.Single(Parse(Read($"deploy/kubernetes/{file}"))));

    private static IKubernetesObject[] Parse(string yaml) => [.. KubernetesYaml.LoadAllFromString(yaml, strict: true).Cast<IKubernetesObject>()];

    private static async Task<IKubernetesObject[]> KustomizeAsync(string folder) => Parse(await CommandLine.RunAsync("kubectl", "kustomize", Path.Combine(Root, folder)));

    private static V1ObjectMeta Metadata(IKubernetesObject o) => ((IMetadata<V1ObjectMeta>)o).Metadata;

    private static string ImageOf(IKubernetesObject[] objects) => Assert.Single(Assert.Single(objects.OfType<V1Deployment>()).Spec.Template.Spec.Containers).Image;

    private static Dictionary<string, V1EnvVar> Telemetry(V1Deployment deployment) => Assert.Single(deployment.Spec.Template.Spec.Containers).Env.ToDictionary(v => v.Name);

    private static string? Text(IntOrString? value) => value?.ToString();

    /// <summary>Options and their values. The value of an option without one is empty.</summary>
    private static Dictionary<string, string> Options(IReadOnlyList<string> arguments) =>
        arguments.Index().Where(a => IsOption(a.Item)).ToDictionary(a => a.Item, a => arguments.ElementAtOrDefault(a.Index + 1) is { } next && !IsOption(next) ? next : "");

    private static bool IsOption(string argument) => argument.StartsWith("--", StringComparison.Ordinal);
}
