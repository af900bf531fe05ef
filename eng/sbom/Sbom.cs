#:project ../../Hello.Compare/Hello.Compare.csproj
#:property PublishAot=false

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CliWrap;
using Hello.Compare.Engine;

const string Usage = "usage: dotnet run eng/sbom/Sbom.cs [-- NAME], which writes the SBOM of the binary of Dockerfile-NAME, by default scratch, to artifacts/sbom-NAME.cdx.json";
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!; // where this file is: https://learn.microsoft.com/dotnet/core/sdk/file-based-apps
var root = Path.GetFullPath("../..", folder);
using var interrupted = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    interrupted.Cancel();
};

switch (args)
{
    case ["--help" or "-h"]:
        Console.WriteLine(Usage);
        return 0;
    case [] or [_] when File.Exists(Path.Combine(root, $"Dockerfile-{Name()}")):
        return await WriteAsync(Name(), interrupted.Token);
    default:
        return Fail(1, $"There is no Dockerfile-{string.Join(' ', args)}; {Usage}.");
}

string Name() => args is [var name] ? name : "scratch";

async Task<int> WriteAsync(string name, CancellationToken cancellationToken)
{
    var temporary = Directory.CreateTempSubdirectory("hello-sbom-").FullName;
    try
    {
        var build = await BinaryBuild.ExportAsync(root, folder, $"Dockerfile-{name}", temporary, cancellationToken);
        var sbom = await PackagesAsync(temporary, build.Version, cancellationToken);
        build.Complete(sbom);
        build.Check(sbom);

        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(root, "artifacts")).FullName, $"sbom-{name}.cdx.json");
        await File.WriteAllTextAsync(file, sbom.ToJsonString(new() { WriteIndented = true }), cancellationToken);
        Console.Write(build.Describe(sbom));
        return 0;
    }
    catch (OperationCanceledException)
    {
        return Fail(130, "Interrupted; nothing was written."); // as a shell has it of a command that Ctrl+C ended
    }
    catch (Exception e) when (e is SbomException or MeasurementException or IOException or UnauthorizedAccessException)
    {
        return Fail(1, e.Message);
    }
    finally
    {
        Directory.Delete(temporary, recursive: true);
    }
}

// The packages, with licences, hashes and what depends on what, as the CycloneDX tool reads them from project.assets.json.
async Task<JsonNode> PackagesAsync(string temporary, string version, CancellationToken cancellationToken)
{
    var dotnet = Cli.Wrap("dotnet").WithWorkingDirectory(folder);
    await ProgramRunner.RunAsync(dotnet.WithArguments(["tool", "restore"]), cancellationToken);
    await ProgramRunner.RunAsync(
        // 1.6 is the newest format that scanners can be relied on to read.
        dotnet.WithArguments(["dotnet-CycloneDX", Path.Combine(root, "Hello.Api", "Hello.Api.csproj"), "--disable-package-restore", "--base-intermediate-output-path", temporary,
            "--set-version", version, "--spec-version", "1.6", "--output-format", "Json", "--output", temporary, "--filename", "packages.json"]),
        cancellationToken);
    return JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(temporary, "packages.json"), cancellationToken))!;
}

static int Fail(int exitCode, string error)
{
    Console.Error.WriteLine($"error: {error}");
    return exitCode;
}

/// <summary>What the build of a native binary leaves behind.</summary>
/// <param name="Assets">project.assets.json, the restore graph.</param>
/// <param name="Compiled">The packages whose assemblies the Native AOT compiler read, "id@version" in lower case.</param>
/// <param name="LibC">The package of the C library that the linker took in; null where the build image doesn't say.</param>
/// <param name="Sha256">Of the binary.</param>
internal sealed record BinaryBuild(JsonNode Assets, HashSet<string> Compiled, JsonObject? LibC, string Sha256)
{
    /// <summary>Of the project.</summary>
    public string Version => (string)Assets["project"]!["version"]!;

    /// <summary>Builds as far as the binary, mostly from the cache, and reads what is left behind.</summary>
    /// <param name="root">The repository's folder.</param>
    /// <param name="folder">That of Dockerfile-sbom.</param>
    /// <param name="dockerfile">A Dockerfile's name.</param>
    /// <param name="temporary">Receives the files.</param>
    /// <param name="cancellationToken">Ends the build.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="SbomException">There is no binary in it.</exception>
    public static async Task<BinaryBuild> ExportAsync(string root, string folder, string dockerfile, string temporary, CancellationToken cancellationToken)
    {
        var stages = await File.ReadAllTextAsync(Path.Combine(root, dockerfile), cancellationToken) + await File.ReadAllTextAsync(Path.Combine(folder, "Dockerfile-sbom"), cancellationToken);
        await ProgramRunner.RunAsync(
            Cli.Wrap("docker").WithArguments(["buildx", "build", "--file", "-", "--output", temporary, root]).WithStandardInputPipe(PipeSource.FromString(stages)), cancellationToken);
        var responseFile = Path.Combine(temporary, "Hello.Api.ilc.rsp");
        if (!File.Exists(responseFile))
        {
            throw new SbomException($"{dockerfile} compiles no native binary: what is in its image a scanner finds by itself.");
        }

        var assets = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(temporary, "obj", "Hello.Api", "project.assets.json"), cancellationToken))!;
        // -r:/root/.nuget/packages/opentelemetry/1.20.1/lib/net10.0/OpenTelemetry.dll
        var packages = $"-r:{assets["packageFolders"]!.AsObject().Single().Key}";
        var compiled = (await File.ReadAllLinesAsync(responseFile, cancellationToken))
            .Where(l => l.StartsWith(packages, StringComparison.Ordinal)).Select(l => l[packages.Length..].Split('/')).Select(p => $"{p[0]}@{p[1]}");
        var binary = await File.ReadAllBytesAsync(Path.Combine(temporary, "Hello.Api"), cancellationToken);
        return new(assets, [.. compiled], await LibCAsync(temporary, cancellationToken), Convert.ToHexStringLower(SHA256.HashData(binary)));
    }

    /// <summary>Adds what the CycloneDX tool leaves out, because it is no dependency of the project but a download of the SDK's, and yet ends up
    /// in the binary: the runtime packs and the C library. Advisories about .NET name the packs.</summary>
    /// <param name="sbom">The SBOM.</param>
    public void Complete(JsonNode sbom)
    {
        var application = sbom["metadata"]!["component"]!;
        application["hashes"] = new JsonArray(new JsonObject { ["alg"] = "SHA-256", ["content"] = Sha256 });
        var components = sbom["components"]!.AsArray();
        var dependencies = sbom["dependencies"]!.AsArray();
        var ofApplication = dependencies.Single(d => (string)d!["ref"]! == (string)application["bom-ref"]!)!["dependsOn"]!.AsArray();
        // { "name": "Microsoft.NETCore.App.Runtime.NativeAOT.linux-musl-x64", "version": "[10.0.12, 10.0.12]" }
        var downloads = Assets["project"]!["frameworks"]!.AsObject().Single().Value!["downloadDependencies"]?.AsArray() ?? [];
        var packs = downloads.Select(d => (Name: (string)d!["name"]!, Version: ((string)d["version"]!).Split('[', ',')[1]))
            .Select(p => Component(p.Name, p.Version, $"pkg:nuget/{p.Name}@{p.Version}", "MIT"));
        foreach (var component in packs.Concat(LibC is null ? [] : [LibC]).ExceptBy(components.Select(Reference), Reference).ToArray())
        {
            components.Add(component);
            dependencies.Add(new JsonObject { ["ref"] = Reference(component), ["dependsOn"] = new JsonArray() });
            ofApplication.Add(Reference(component));
        }
    }

    /// <summary>Holds the SBOM to the compiler's word: nothing may be in the binary that it doesn't list.</summary>
    /// <param name="sbom">The SBOM.</param>
    /// <exception cref="SbomException">It lists nothing, or not all.</exception>
    public void Check(JsonNode sbom)
    {
        var listed = sbom["components"]!.AsArray().Select(Id).ToHashSet();
        if (listed.Count == 0 || Compiled.Count == 0 || Compiled.Except(listed).ToArray() is { Length: > 0 })
        {
            throw new SbomException($"The SBOM lists {listed.Count} components, and of the {Compiled.Count} packages that the compiler read it lacks: {string.Join(", ", Compiled.Except(listed))}.");
        }
    }

    /// <summary>Says what it lists and why.</summary>
    /// <param name="sbom">The SBOM.</param>
    /// <returns>Markdown.</returns>
    public string Describe(JsonNode sbom)
    {
        var text = new StringBuilder("""
            A scanner that is given an image from scratch finds nothing to look at: there is neither a package database nor a deps.json in it. It is given this instead, which the build of the binary has restored:

            | Component | Version | In the binary |
            | --- | --- | --- |

            """);
        foreach (var component in sbom["components"]!.AsArray())
        {
            text.Append(CultureInfo.InvariantCulture, $"| {component!["name"]} | {component["version"]} | {(component == LibC ? "linked in" : Compiled.Contains(Id(component)) ? "compiled in" : "no, restored for the build")} |\n");
        }

        if (LibC is null)
        {
            text.Append("\nNot listed: the C library, which is linked in. The build image has no package database that tells its version.\n");
        }

        return text.ToString();
    }

    private static string Reference(JsonNode? component) => (string)component!["bom-ref"]!;

    private static string Id(JsonNode? component) => $"{component!["name"]}@{component["version"]}".ToLowerInvariant();

    private static JsonObject Component(string name, string version, string purl, string license) => new()
    {
        ["type"] = "library",
        ["bom-ref"] = purl,
        ["name"] = name,
        ["version"] = version,
        ["scope"] = "required",
        ["licenses"] = new JsonArray(new JsonObject { ["expression"] = license }),
        ["purl"] = purl,
    };

    /// <summary>Finds who brought libc.a, in Alpine's package database: https://wiki.alpinelinux.org/wiki/Apk_spec.</summary>
    private static async Task<JsonObject?> LibCAsync(string folder, CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(folder, "installed")))
        {
            return null;
        }

        var package = (await File.ReadAllTextAsync(Path.Combine(folder, "installed"), cancellationToken)).Split("\n\n").Single(p => p.Contains("\nR:libc.a\n", StringComparison.Ordinal));
        var field = package.Split('\n').Where(l => l is [not ('F' or 'R' or 'Z' or 'M' or 'a'), ':', ..]).ToDictionary(l => l[0], l => l[2..]);
        var release = (await File.ReadAllLinesAsync(Path.Combine(folder, "os-release"), cancellationToken)).Single(l => l.StartsWith("VERSION_ID=", StringComparison.Ordinal))[11..].Trim('"');
        return Component(field['P'], field['V'], $"pkg:apk/alpine/{field['P']}@{field['V']}?arch={field['A']}&distro=alpine-{release}&upstream={field['o']}", field['L']);
    }
}

/// <summary>No SBOM can be made, and the message says why.</summary>
internal sealed class SbomException(string message) : Exception(message);
