#:project ../../Hello.Compare/Hello.Compare.csproj
#:package YamlDotNet
#:property PublishAot=false

// Rehearses a release: runs the steps of the workflows against a registry on this machine. docs/pipelines.md says what it shows.

using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using YamlDotNet.Serialization;

const string Commit = "0123456789abcdef0123456789abcdef01234567", Server = "https://github.com", Repository = "Rehearsal/Hello";
// The second is the hash of the first, by bcrypt. With a password, the rehearsal shows that each job logs in.
const string Password = "rehearsal", Hash = "$2b$04$STzUBOwTl7JISkxWKUW1yOd25NYEPOuGNc4.xtSL3kIQQtVlfJ9Im";

var clock = Stopwatch.StartNew();
var shim = (string)AppContext.GetData("EntryPointFileDirectoryPath")!; // the folder of this file, which has another docker in it
var root = Path.GetFullPath("../..", shim);
var registry = $"127.0.0.1:{LocalPort.FindFree()}";
var temporary = Directory.CreateTempSubdirectory("hello-rehearsal-").FullName;
var engine = new ContainerEngine("docker");
using var interrupted = new CancellationTokenSource();
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using var stopping = new CancellationTokenSource();
Task serving = Task.CompletedTask;
try
{
    await using var resources = new TemporaryResources(engine, Console.Error.WriteLine);
    await PrepareAsync();
    foreach (var image in HelloImage.FindAll(root))
    {
        await RunAsync(resources, "container-scan.yml", "scan", image.Name, "amd64");
        var published = await RunAsync(resources, "publish.yml", "image", image.Name, "amd64");
        if (image.RunOptions.Count == 0)
        {
            Console.WriteLine($"left out: {image.Name} arm64, and the list of both: no stand-in has the base image's .NET for arm64");
            await AnswerAsync(resources, image.Name, "amd64", published, "push");
            continue;
        }

        await RunAsync(resources, "publish.yml", "image", image.Name, "arm64");
        published = await RunAsync(resources, "publish.yml", "manifest", image.Name, "amd64");
        foreach (var architecture in (string[])["amd64", "arm64"])
        {
            await AnswerAsync(resources, image.Name, architecture, published, "merge");
        }
    }

    Console.WriteLine($"Rehearsed in {clock.Elapsed:m\\:ss} min.");
    return 0;
}
catch (Exception e) when (e is OperationCanceledException or MeasurementException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {(interrupted.IsCancellationRequested ? "Interrupted." : e.Message)}");
    return interrupted.IsCancellationRequested ? 130 : 1; // 128 and the number of the signal, as in a shell
}
finally
{
    await stopping.CancelAsync();
    await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    Directory.Delete(temporary, recursive: true);
}

void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = true;
    interrupted.Cancel();
}

// Checks that the machine has everything, copies the repository and starts the registry.
async Task PrepareAsync()
{
    var path = Environment.GetEnvironmentVariable("PATH")!;
    var missing = ((string[])["aarch64-linux-gnu-objcopy", "clang", "curl", "docker-registry", "jq", "ld.lld"])
        .Where(program => !path.Split(':').Any(place => File.Exists(Path.Combine(place, program))))
        .Concat(File.Exists("/proc/sys/fs/binfmt_misc/qemu-aarch64") ? [] : ["emulation of arm64"]).ToArray();
    if (missing.Length > 0)
    {
        throw new MeasurementException($"The rehearsal needs {string.Join(", ", missing)}, on a machine with amd64. Run: eng/setup.sh --tests");
    }

    foreach (var (name, value) in ((string, string)[])
    [
        ("DOCKER_CONFIG", Folder("docker")), ("TMPDIR", Folder("tmp")), ("XDG_DATA_HOME", Folder("data")), // where dotnet run builds
        ("MSBUILDDISABLENODEREUSE", "1"), ("UseSharedCompilation", "false"), // otherwise compilers stay in memory
        ("GITHUB_ACTOR", Password), ("GITHUB_SHA", Commit), ("GITHUB_SERVER_URL", Server), ("GITHUB_REPOSITORY", Repository),
        ("GITHUB_REF_NAME", "v0.1"), ("PATH", $"{shim}:{path}"),
        // The tests set it, so that the binary for arm64 is compiled once.
        ("REHEARSAL_COMPILED", Environment.GetEnvironmentVariable("REHEARSAL_COMPILED") ?? Path.Combine(temporary, "compiled")),
    ])
    {
        Environment.SetEnvironmentVariable(name, value);
    }

    // A deleted file is in the list, too.
    const string Copy = "git ls-files -z --cached --others --exclude-standard | tar -c --null -T - --ignore-failed-read | tar -x -C \"$0\"";
    var bash = Cli.Wrap("bash").WithArguments(["-euo", "pipefail", "-c", Copy, Folder("checkout")]);
    await ProgramRunner.RunAsync(bash.WithWorkingDirectory(root), interrupted.Token);

    var (configuration, passwords) = (Path.Combine(temporary, "registry.yml"), Path.Combine(temporary, "htpasswd"));
    await File.WriteAllTextAsync(passwords, $"{Password}:{Hash}\n");
    await File.WriteAllTextAsync(
        configuration,
        $$"""
        version: 0.1
        storage: { filesystem: { rootdirectory: '{{Folder("registry")}}' } }
        http: { addr: '{{registry}}' }
        auth: { htpasswd: { realm: rehearsal, path: '{{passwords}}' } }
        """);
    serving = ProgramRunner.RunAsync(Cli.Wrap("docker-registry").WithArguments(["serve", configuration]), stopping.Token);
    await await Task.WhenAny(serving, AskAsync($"http://{registry}")); // the registry's own error, if it has ended
}

// Runs the steps of a job as a runner does. Returns the values of expressions, such as steps.push.outputs.digest.
async Task<Dictionary<string, string>> RunAsync(TemporaryResources resources, string path, string name, string image, string architecture)
{
    var text = await File.ReadAllTextAsync(Path.Combine(root, ".github", "workflows", path));
    var yaml = new SerializerBuilder().JsonCompatible().Build().Serialize(new DeserializerBuilder().Build().Deserialize<object>(text));
    var (workflow, title) = (JsonNode.Parse(yaml)!, $"{path} {name} {image} {architecture}");
    var job = workflow["jobs"]![name]!;
    var (runner, workspace) = (Folder($"runner {title}"), Folder($"workspace {title}"));
    var values = new Dictionary<string, string>
    {
        ["matrix.image"] = image, ["matrix.architecture"] = architecture, ["runner.temp"] = runner, ["github.token"] = Password,
    };
    foreach (var step in job["steps"]!.AsArray().Select(step => step!).Where(step => IsTrue((string?)step["if"])))
    {
        var action = ((string?)step["uses"])?.Split('@')[0];
        var label = $"{title}: {(string?)step["name"] ?? action}";
        if ((string?)step["run"] is not { } script)
        {
            StandIn(label, action!, step);
        }
        else if (Regex.Match(script, @"\b(cosign|gh)(?= )") is { Success: true } program) // asks Sigstore or GitHub
        {
            Console.WriteLine($"left out: {label} ({program})");
        }
        else
        {
            await RunStepAsync(label, step, script);
        }
    }

    return values;

    async Task RunStepAsync(string label, JsonNode step, string script)
    {
        var (started, output) = (Stopwatch.StartNew(), Path.Combine(runner, "output"));
        await File.WriteAllTextAsync(output, "");
        var variables = ((JsonNode?[])[workflow["env"], job["env"], step["env"]]).SelectMany(env => env?.AsObject().ToArray() ?? [])
            .ToDictionary(variable => variable.Key, string? (variable) => Evaluate((string)variable.Value!));
        (variables["REGISTRY"], variables["REHEARSAL_ARCHITECTURE"], variables["RUNNER_TEMP"]) = (registry, architecture, runner);
        (variables["GITHUB_OUTPUT"], variables["GITHUB_STEP_SUMMARY"]) = (output, Path.Combine(runner, "summary"));
        resources.Add("image", $"{registry}/{Repository.ToLowerInvariant()}:build"); // the other docker makes one of these
        resources.Add("image", $"{registry}/scanned:build");
        var bash = Cli.Wrap("bash").WithArguments(["--noprofile", "--norc", "-eo", "pipefail", "-c", Evaluate(script)]);
        var result = await ProgramRunner.TryRunAsync(bash.WithWorkingDirectory(workspace).WithEnvironmentVariables(variables), interrupted.Token);
        if (result.ExitCode != 0)
        {
            throw new MeasurementException($"{label} ended with {result.ExitCode}: {result.Reason}");
        }

        foreach (var line in (await File.ReadAllLinesAsync(output)).Select(line => line.Split('=', 2)))
        {
            values[$"steps.{step["id"]}.outputs.{line[0]}"] = line[1];
        }

        Console.WriteLine($"{label} ({started.Elapsed.TotalSeconds:0} s)");
    }

    // Does what the following steps need of an action, and demands the files and folders that the action demands.
    void StandIn(string label, string action, JsonNode step)
    {
        string? With(string key) => step["with"]?[key] is { } value ? Evaluate((string)value!) : null;
        var store = Folder("artifacts");
        switch (action)
        {
            case "actions/checkout":
                workspace = Folder("checkout");
                Directory.Delete(Folder("checkout/artifacts"), recursive: true); // of the last job
                return;
            case "actions/upload-artifact":
                var file = Path.Combine(workspace, With("path")!);
                File.Copy(file, Path.Combine(Folder($"artifacts/{With("name")}"), Path.GetFileName(file)));
                return;
            case "actions/download-artifact":
                foreach (var artifact in Directory.EnumerateDirectories(store, With("pattern")!).SelectMany(Directory.EnumerateFiles))
                {
                    var place = Path.Combine(workspace, With("path")!, Path.GetRelativePath(store, artifact));
                    Directory.CreateDirectory(Path.GetDirectoryName(place)!);
                    File.Copy(artifact, place);
                }

                return;
        }

        Console.WriteLine($"left out: {label}{(step["name"] is null ? "" : $" ({action})")}");
        string?[] needed = [With("sbom"), With("sbom-path"), With("sarif_file"), Path.GetDirectoryName(With("output-file"))];
        if (Array.Find(needed, one => one is not null && !Path.Exists(Path.Combine(workspace, one))) is { } absent)
        {
            throw new MeasurementException($"{label} would fail, because there is no {absent}.");
        }

        if (With("output-file") is { } written)
        {
            const string Content = """{"components":[{}],"runs":[{"results":[{"locations":[{"physicalLocation":{}}]}]}]}"""; // an SBOM or findings
            File.WriteAllText(Path.Combine(workspace, written), Content);
            values[$"steps.{step["id"]}.outputs.sarif"] = written;
        }
    }

    string Evaluate(string text) => Regex.Replace(text, @"\$\{\{ ([\w.]+) \}\}", found => values.GetValueOrDefault(found.Groups[1].Value, ""));

    // matrix.image == 'alpine', ${{ !cancelled() && steps.scan.outputs.sarif != '' }}. Any other condition is taken to be met.
    bool IsTrue(string? condition) => Regex.Matches(condition ?? "", @"\b((?:matrix|steps)[\w.]+) ([!=]=) '([^']*)'").All(
        found => values.GetValueOrDefault(found.Groups[1].Value, "") == found.Groups[3].Value == (found.Groups[2].Value == "=="));
}

// Pulls an image by its digest, as a user does, and asks its container for the greeting.
async Task AnswerAsync(TemporaryResources resources, string image, string architecture, Dictionary<string, string> published, string step)
{
    var name = TemporaryResources.NewName("rehearsal");
    var reference = $"{published[$"steps.{step}.outputs.repository"]}@{published[$"steps.{step}.outputs.digest"]}";
    resources.Add("container", name);
    resources.Add("image", reference);
    string[] options = ["--detach", "--name", name, "--publish", "127.0.0.1::8080", "--pull", "always", "--platform", $"linux/{architecture}"];
    await engine.RunAsync(["run", .. options, .. HelloImage.LeastPrivilege, reference], interrupted.Token);
    const string Format = "{{.Architecture}} {{range $name, $value := .Config.Labels}}{{$value}} {{end}}";
    var seen = await engine.RunAsync(["image", "inspect", "--format", Format, reference], interrupted.Token);
    if (((string[])[architecture, Commit, $"{Server}/{Repository}"]).Except(seen.Split(' ')).FirstOrDefault() is { } absent)
    {
        throw new MeasurementException($"The image {reference} has '{seen}' as its architecture and labels, without {absent}.");
    }

    var answer = await AskAsync($"http://{await engine.RunAsync(["port", name, "8080/tcp"], interrupted.Token)}{HelloImage.HelloPath}");
    Console.WriteLine($"{image} {architecture} answers {answer}");
    await resources.RemoveAsync("container", name);
    await resources.RemoveAsync("image", reference); // the engine keeps one architecture of a digest
}

Task<string> AskAsync(string url) => ProgramRunner.RunAsync(
    Cli.Wrap("curl").WithArguments(["--silent", "--fail", "--max-time", "5", "--retry", "60", "--retry-delay", "1", "--retry-all-errors", url]),
    interrupted.Token);

string Folder(string name) => Directory.CreateDirectory(Path.Combine(temporary, name)).FullName;
