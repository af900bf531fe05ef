#:project ../../Hello.Compare/Hello.Compare.csproj
#:property PublishAot=false

using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CliWrap;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

const string Usage = "usage: dotnet run eng/sbom/Sbom.cs [-- NAME]. It writes the SBOM of the binary of Dockerfile-NAME to "
    + "artifacts/sbom-NAME.cdx.json. NAME is scratch by default";
// The folder of this file: https://learn.microsoft.com/dotnet/core/sdk/file-based-apps
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
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
        return Fail(130, "Interrupted. Nothing was written."); // 128 and the number of the signal, as in a shell
    }
    catch (Exception e) when (e is MeasurementException or IOException or UnauthorizedAccessException)
    {
        return Fail(1, e.Message);
    }
    finally
    {
        Directory.Delete(temporary, recursive: true);
    }
}

// The packages with their licences, hashes and dependencies. The CycloneDX tool reads them from project.assets.json.
async Task<JsonNode> PackagesAsync(string temporary, string version, CancellationToken cancellationToken)
{
    var dotnet = Cli.Wrap("dotnet").WithWorkingDirectory(folder);
    await ProgramRunner.RunAsync(dotnet.WithArguments(["tool", "restore"]), cancellationToken);
    await ProgramRunner.RunAsync(
        // 1.6 is the newest version of the format that common scanners read.
        dotnet.WithArguments(
        [
            "dotnet-CycloneDX", Path.Combine(root, "Hello.Api", "Hello.Api.csproj"), "--disable-package-restore",
            "--base-intermediate-output-path", temporary, "--set-version", version, "--spec-version", "1.6",
            "--output-format", "Json", "--output", temporary, "--filename", "packages.json",
        ]),
        cancellationToken);
    return JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(temporary, "packages.json"), cancellationToken))!;
}

static int Fail(int exitCode, string error)
{
    Console.Error.WriteLine($"error: {error}");
    return exitCode;
}

/// <summary>The results of the build of a native binary.</summary>
/// <param name="Assets">project.assets.json, the restore graph.</param>
/// <param name="Compiled">The packages whose assemblies the Native AOT compiler read, "id@version" in lower case.</param>
/// <param name="LibC">The package of the C library that is linked in; null if the build image has no package database of Alpine.</param>
/// <param name="Sha256">The hash of the binary.</param>
internal sealed record BinaryBuild(JsonNode Assets, HashSet<string> Compiled, JsonObject? LibC, string Sha256)
{
    /// <summary>The version of the project.</summary>
    public string Version => (string)Assets["project"]!["version"]!;

    /// <summary>Runs the build as far as the binary, mostly from the cache, and reads its results.</summary>
    /// <param name="folder">The folder of Dockerfile-sbom.</param>
    /// <param name="dockerfile">The file name of the Dockerfile.</param>
    /// <param name="temporary">The folder that the build writes its results to.</param>
    /// <exception cref="MeasurementException">The Dockerfile does not build a native binary.</exception>
    public static async Task<BinaryBuild> ExportAsync(string root, string folder, string dockerfile, string temporary, CancellationToken cancellationToken)
    {
        string[] stages = [Path.Combine(root, dockerfile), Path.Combine(folder, "Dockerfile-sbom")];
        var docker = Cli.Wrap("docker").WithArguments(["buildx", "build", "--file", "-", "--output", temporary, root]);
        var input = PipeSource.FromString(string.Concat(stages.Select(File.ReadAllText)));
        await ProgramRunner.RunAsync(docker.WithStandardInputPipe(input), cancellationToken);
        var assetsFile = Path.Combine(temporary, "obj", "Hello.Api", "project.assets.json");
        if (!File.Exists(assetsFile))
        {
            throw new MeasurementException($"The builder wrote nothing to {temporary}. A docker client from a snap has a /tmp of its own: "
                + "set TMPDIR to a folder in your home directory.");
        }

        var responseFile = Path.Combine(temporary, "Hello.Api.ilc.rsp");
        if (!File.Exists(responseFile))
        {
            throw new MeasurementException($"{dockerfile} does not build a native binary, so it needs no SBOM. A scanner finds the packages in its image by itself.");
        }

        var assets = JsonNode.Parse(await File.ReadAllTextAsync(assetsFile, cancellationToken))!;
        // -r:/root/.nuget/packages/opentelemetry/1.20.1/lib/net10.0/OpenTelemetry.dll
        var packages = $"-r:{assets["packageFolders"]!.AsObject().Single().Key}";
        var compiled = (await File.ReadAllLinesAsync(responseFile, cancellationToken))
            .Where(l => l.StartsWith(packages, StringComparison.Ordinal)).Select(l => l[packages.Length..].Split('/')).Select(p => $"{p[0]}@{p[1]}");
        var binary = await File.ReadAllBytesAsync(Path.Combine(temporary, "Hello.Api"), cancellationToken);
        return new(assets, [.. compiled], await LibCAsync(temporary, cancellationToken), Convert.ToHexStringLower(SHA256.HashData(binary)));
    }

    /// <summary>Adds the runtime packs and the C library. They are in the binary, but the CycloneDX tool leaves them out.</summary>
    /// <remarks>The packs are not dependencies of the project, because the SDK downloads them. Advisories about .NET name the packs.</remarks>
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

    /// <summary>Checks that the SBOM lists every package that the compiler read.</summary>
    /// <exception cref="MeasurementException">A package is missing, or there is none at all.</exception>
    public void Check(JsonNode sbom)
    {
        var listed = sbom["components"]!.AsArray().Select(Id).ToHashSet();
        if (listed.Count == 0 || Compiled.Count == 0 || Compiled.Except(listed).ToArray() is { Length: > 0 })
        {
            throw new MeasurementException($"The SBOM is not complete: it lists {listed.Count} components, the compiler read {Compiled.Count} packages, "
                + $"and these are missing: {string.Join(", ", Compiled.Except(listed))}.");
        }
    }

    /// <summary>Describes the SBOM in Markdown, with a table of its components.</summary>
    public string Describe(JsonNode sbom)
    {
        var table = new Table(
            ["Component", "Version", "In the binary"],
            [.. sbom["components"]!.AsArray().Select(component => (string[])[$"{component!["name"]}", $"{component["version"]}", Use(component)])]);
        return $"""
            A scanner finds no packages in an image from scratch, because it has neither a package database nor a deps.json.
            Give the scanner this SBOM instead. The build of the binary restored these components:

            {table.ToMarkdown()}
            {(LibC is null ? "Not listed: the C library, which is linked in. The build image has no package database of Alpine, so its version is unknown.\n" : "")}
            """;

        string Use(JsonNode component) => component == LibC ? "linked in" : Compiled.Contains(Id(component)) ? "compiled in" : "no, restored for the build";
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

    /// <summary>Finds the package of libc.a in Alpine's package database: https://wiki.alpinelinux.org/wiki/Apk_spec.</summary>
    private static async Task<JsonObject?> LibCAsync(string folder, CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(folder, "installed")))
        {
            return null;
        }

        var packages = (await File.ReadAllTextAsync(Path.Combine(folder, "installed"), cancellationToken)).Split("\n\n");
        var package = packages.Single(p => p.Contains("\nR:libc.a\n", StringComparison.Ordinal));
        var field = package.Split('\n').Where(l => l is [not ('F' or 'R' or 'Z' or 'M' or 'a'), ':', ..]).ToDictionary(l => l[0], l => l[2..]);
        var system = await File.ReadAllLinesAsync(Path.Combine(folder, "os-release"), cancellationToken);
        var release = system.Single(l => l.StartsWith("VERSION_ID=", StringComparison.Ordinal))[11..].Trim('"');
        var purl = $"pkg:apk/alpine/{field['P']}@{field['V']}?arch={field['A']}&distro=alpine-{release}&upstream={field['o']}";
        return Component(field['P'], field['V'], purl, field['L']);
    }
}
