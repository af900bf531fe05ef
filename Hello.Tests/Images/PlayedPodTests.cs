using k8s;
using k8s.Models;

namespace Hello.Tests;

/// <summary>
/// What the pods of <c>deploy/kubernetes</c> have, seen from the host. Podman plays the Deployments. It has storage and settings of its own, so
/// nothing of the user's is touched, and it is root, because a limit of memory needs that.
/// </summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class PlayedPodTests(HelloApplication hello) : IAsyncLifetime
{
    /// <summary>OpenShift puts a user of the namespace's range into a pod that names none, and the group root.</summary>
    private const int AnyUid = 1_000_660_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("hello-test-").FullName;

    private readonly string _address = $"http://127.0.0.1:{LocalPort.FindFree()}";

    [FactIfInstalled("kubectl", "podman", "runc", "catatonit", "curl", AsRoot = true)]
    public Task The_base_answers_and_has_least_privilege() => AssertPlaysAsync("deploy/kubernetes", 10001, 10001);

    [FactIfInstalled("kubectl", "podman", "runc", "catatonit", "curl", AsRoot = true)]
    public Task On_OpenShift_it_runs_as_any_user() => AssertPlaysAsync("deploy/kubernetes/overlays/openshift", AnyUid, 0);

    [FactIfInstalled("kubectl", "podman", "runc", "catatonit", "curl", AsRoot = true)]
    public async Task With_telemetry_it_also_says_which_pod_it_is()
    {
        await using var receiver = new OtlpReceiver(_ => OtlpReceiver.Ok);
        await AssertPlaysAsync("deploy/kubernetes/overlays/telemetry", 10001, 10001, receiver.Options);

        var exports = await receiver.WaitAsync(all => !OtlpReceiver.Signals.Except(all.Select(e => e.Path)).Any());
        Assert.Equal(OtlpReceiver.Signals, exports.Select(e => e.Path).Distinct().Order(StringComparer.Ordinal));
        Assert.All(exports, export => Assert.All(
            [("pod.name", "metadata.name"), ("pod.uid", "metadata.uid"), ("namespace.name", "metadata.namespace"), ("node.name", "spec.nodeName")],
            one => Assert.Matches($"(?s)k8s.{one.Item1}.{{1,9}}the-{one.Item2}", Encoding.Latin1.GetString(export.Body))));
    }

    /// <summary>Podman's default limits may be above those of the host.</summary>
    public Task InitializeAsync() => File.WriteAllTextAsync(
        $"{_folder}/containers.conf", "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n");

    public async Task DisposeAsync()
    {
        // Podman 4.3 does not remove a container that ends at the same moment: "container state improper: stopped".
        var removed = await CommandLine.PollAsync(
            () => TryPodmanAsync("pod", "rm", "--all", "--force", "--time", "0"), result => result.ExitCode == 0, TimeSpan.FromMinutes(1));
        Assert.True(removed.ExitCode == 0, removed.Error);
        await AsRootAsync("rm", "-rf", _folder);
    }

    /// <summary>An option that is new in <see cref="HelloImage.LeastPrivilege"/> fails here until somebody decides what it is there.</summary>
    private async Task AssertPlaysAsync(string folder, int uid, int gid, params string[] telemetry)
    {
        var deployment = Assert.Single((await KubernetesTests.KustomizeAsync(folder)).OfType<V1Deployment>());
        var container = Assert.Single(deployment.Spec.Template.Spec.Containers);
        string[] paths = [container.StartupProbe.HttpGet.Path, container.ReadinessProbe.HttpGet.Path, container.LivenessProbe.HttpGet.Path];
        await CommandLine.DockerAsync("save", "--output", $"{_folder}/image.tar", HelloImages.Specification[^1].Reference);
        await PodmanAsync("load", "--input", $"{_folder}/image.tar");
        await File.WriteAllTextAsync($"{_folder}/pod.yaml", KubernetesYaml.Serialize(ForPodman(deployment, telemetry)));
        await PodmanAsync("kube", "play", $"{_folder}/pod.yaml");
        var id = await PodmanAsync("ps", "--quiet", "--no-trunc", "--filter", "name=-hello$");
        var process = $"/proc/{await PodmanAsync("inspect", "--format", "{{.State.Pid}}", id)}";

        Assert.Equal(HelloImages.Greeting, await GetAsync(HelloImage.HelloPath));
        await AtOnce.RunAsync(paths, GetAsync);
        await PodmanAsync("exec", id, "/hello-api", "--health");
        // proc_pid_status(5), where a Seccomp of 2 is a filter
        var status = (await File.ReadAllLinesAsync($"{process}/status")).Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
        Assert.Equal(($"{uid}\t{uid}\t{uid}\t{uid}", $"{gid}\t{gid}\t{gid}\t{gid}", "2"), (status["Uid"], status["Gid"], status["Seccomp"]));
        var attack = await AsRootAsync("touch", $"{process}/root/attack");
        var limit = $".*/libpod-{id}/memory.\\(max\\|limit_in_bytes\\)"; // of the two versions of cgroups
        // Another group that goes at this moment is an error of find.
        var (_, memory, _) = await CommandLine.TryAsync("find", "/sys/fs/cgroup", "-regex", limit, "-exec", "cat", "{}", "+");
        string[] options =
        [
            attack.Error.EndsWith(": Read-only file system", StringComparison.Ordinal) ? "--read-only" : attack.Error,
            "--tmpfs /dev:ro,dev,noexec,mode=755,size=64k", // no field: docs/deploy.md
            status.Where(s => s.Key.StartsWith("Cap", StringComparison.Ordinal)).All(s => s.Value.Trim('0') == "") ? "--cap-drop ALL" : "",
            status["NoNewPrivs"] == "1" ? "--security-opt no-new-privileges" : "",
            $"--memory {long.Parse(memory, CultureInfo.InvariantCulture) >> 20}m",
            // The kubelet gives no swap to a container that requests as much memory as it may have.
            container.Resources.Requests["memory"].Equals(container.Resources.Limits["memory"]) ? "--memory-swap 96m" : "",
            "--pids-limit 64", // no field: the kubelet has podPidsLimit
        ];
        Assert.True(string.Join(' ', options) == string.Join(' ', HelloImage.LeastPrivilege), string.Join(' ', options));
    }

    /// <summary>Puts in what a cluster puts in, with the test's receiver as the collector. Leaves out what Podman does in another way.</summary>
    private V1Deployment ForPodman(V1Deployment deployment, string[] telemetry)
    {
        var (pod, container) = (deployment.Spec.Template.Spec, deployment.Spec.Template.Spec.Containers.Single());
        pod.HostNetwork = true; // Podman would publish 8080 on every address, and leave rules in the firewall behind
        pod.SecurityContext.RunAsUser ??= AnyUid;
        pod.SecurityContext.RunAsGroup ??= 0;
        // Podman asks with curl, which the image does not have.
        (container.Ports, container.StartupProbe, container.ReadinessProbe, container.LivenessProbe) = (null, null, null, null);
        var options = telemetry.Append($"ASPNETCORE_URLS={_address}").Select(option => option.Split('=', 2));
        var variables = options.Where(option => option is [_, _]).ToDictionary(option => option[0], option => option[1]);
        foreach (var variable in (container.Env ?? []).Where(v => v.Name != "OTEL_EXPORTER_OTLP_ENDPOINT"))
        {
            // As the kubelet does it: $(NAME) is replaced if NAME stands above.
            var value = variable.Value ?? $"the-{variable.ValueFrom.FieldRef.FieldPath}";
            variables[variable.Name] = Regex.Replace(value, @"\$\((\w+)\)", m => variables.GetValueOrDefault(m.Groups[1].Value, m.Value));
        }

        container.Env = [.. variables.Select(v => new V1EnvVar { Name = v.Key, Value = v.Value })];
        return deployment;
    }

    private Task<string> GetAsync(string path) => CommandLine.RunAsync(
        "curl", "--silent", "--show-error", "--fail", "--retry", "60", "--retry-delay", "1", "--retry-all-errors", _address + path);

    private async Task<string> PodmanAsync(params string[] arguments)
    {
        var (exitCode, output, error) = await TryPodmanAsync(arguments);
        Assert.True(exitCode == 0, $"podman {string.Join(' ', arguments)} ended with {exitCode}: {error}");
        return output;
    }

    /// <summary>With runc, because crun, which Podman would take, refuses a host with both versions of cgroups.</summary>
    private Task<ProgramResult> TryPodmanAsync(params string[] arguments) => AsRootAsync(
        ["env", $"CONTAINERS_CONF={_folder}/containers.conf", "podman", "--root", $"{_folder}/root", "--runroot", $"{_folder}/run",
            "--tmpdir", $"{_folder}/tmp", "--network-config-dir", $"{_folder}/net", "--storage-driver", "vfs", "--events-backend", "none",
            "--runtime", "runc", "--cgroup-manager", "cgroupfs", .. arguments]);

    private static Task<ProgramResult> AsRootAsync(params string[] command) => Environment.IsPrivilegedProcess
        ? CommandLine.TryAsync(command[0], command[1..]) : CommandLine.TryAsync("sudo", ["--non-interactive", .. command]);
}
