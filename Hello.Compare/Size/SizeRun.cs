using System.Formats.Tar;
using Hello.Compare.Engine;
using Hello.Compare.Images;

namespace Hello.Compare.Size;

/// <summary>Builds the stage "build" of a Dockerfile and counts the bytes of the binary in it.</summary>
/// <param name="engine">The container engine.</param>
/// <param name="progress">Receives one line about each step.</param>
/// <param name="error">Receives one line about each image or container that could not be removed.</param>
internal sealed class SizeRun(ContainerEngine engine, Action<string> progress, Action<string> error)
{
    /// <summary>The name of the container and of its image.</summary>
    private readonly string _name = TemporaryResources.NewName("size");

    /// <summary>Measures the binary, and removes the image and the container that it made.</summary>
    /// <param name="image">The build. Its stage "build" publishes to /out.</param>
    /// <param name="cancellationToken">Ends the measuring. Image and container are still removed.</param>
    /// <returns>The report, without a budget, and whether an image or a container could not be removed.</returns>
    /// <exception cref="MeasurementException">The binary could not be measured.</exception>
    public async Task<(SizeReport Report, bool LeftBehind)> MeasureAsync(HelloImage image, CancellationToken cancellationToken)
    {
        await engine.FindAsync(cancellationToken);
        var made = new TemporaryResources(engine, error);
        SizeReport report;
        await using (made)
        {
            progress($"Building {image.Name} as far as the binary ...");
            made.Add("image", _name);
            await engine.BuildAsync(["--file", image.Dockerfile, "--target", "build", "--tag", _name, image.Context], cancellationToken);
            made.Add("container", _name);
            await engine.RunAsync(["container", "create", "--name", _name, "--network", "none", "--entrypoint", "dotnet", _name, "--version"], cancellationToken);
            progress("Reading it ...");
            var sdk = await engine.RunAsync(["container", "start", "--attach", _name], cancellationToken);
            var (_, binary) = await ReadFileAsync("/out/Hello.Api", "Hello.Api", cancellationToken);
            var (path, mstat) = await ReadFileAsync("/src/Hello.Api/obj", "Hello.Api.mstat", cancellationToken);
            // obj/Release/net10.0/linux-musl-x64/native/Hello.Api.mstat
            var rid = path.Split('/') is [.., var name, _, _] ? name : throw new MeasurementException($"{path} has no runtime identifier in it. The SDK puts the file into another folder than expected: adapt SizeRun.cs.");
            report = SizeReport.Of(MstatReader.Read(mstat), binary.Length, budget: null, new(rid, sdk));
            progress("Cleaning up ...");
        }

        return (report, made.LeftBehind);
    }

    /// <summary>Reads a file of the container from the tar that <c>docker container cp</c> writes of a file or a folder.</summary>
    private Task<(string Path, byte[] Content)> ReadFileAsync(string from, string name, CancellationToken cancellationToken) => engine.ReadAsync(
        ["container", "cp", $"{_name}:{from}", "-"],
        async (stream, token) =>
        {
            await using var tar = new TarReader(stream, leaveOpen: true);
            while (await tar.GetNextEntryAsync(copyData: false, token) is { } entry)
            {
                if (entry.DataStream is { } data && Path.GetFileName(entry.Name) == name)
                {
                    var content = new byte[entry.Length];
                    await data.ReadExactlyAsync(content, token);
                    return (entry.Name, content);
                }
            }

            throw new MeasurementException($"The build stage has no {name} in {from}.");
        },
        cancellationToken);
}
