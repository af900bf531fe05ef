using System.Formats.Tar;
using System.Security.Cryptography;
using Hello.AppHost.Engine;

namespace Hello.AppHost.Ledger;

/// <summary>Builds a Dockerfile's build stage and accounts for the binary in it; leaves nothing behind.</summary>
/// <param name="engine">The container engine.</param>
/// <param name="progress">Receives what is being done, one line each.</param>
internal sealed class LedgerRun(ContainerEngine engine, Action<string> progress)
{
    /// <summary>Of the container and of the image that it is made of.</summary>
    private readonly string _name = $"hello-ledger-{RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8)}";

    /// <summary>Measures.</summary>
    /// <param name="image">The build, whose stage "build" publishes to /out.</param>
    /// <param name="budget">How many bytes the binary may have.</param>
    /// <param name="cancellationToken">Ends the measuring; what it made is removed all the same.</param>
    /// <returns>The ledger.</returns>
    /// <exception cref="MeasurementException">It could not be measured, or something was left behind.</exception>
    public async Task<SizeLedger> MeasureAsync(HelloImage image, long budget, CancellationToken cancellationToken)
    {
        await engine.FindAsync(cancellationToken);
        try
        {
            progress($"Building {image.Name} as far as the binary ...");
            await engine.RunAsync(["build", "--file", image.Dockerfile, "--target", "build", "--tag", _name, image.Context], cancellationToken);
            await engine.RunAsync(["container", "create", "--name", _name, "--network", "none", "--entrypoint", "dotnet", _name, "--version"], cancellationToken);
            progress("Reading it ...");
            var sdk = await engine.RunAsync(["container", "start", "--attach", _name], cancellationToken);
            var (_, binary) = await ReadFileAsync("/out/Hello.Api", "Hello.Api", cancellationToken);
            var (path, mstat) = await ReadFileAsync("/src/Hello.Api/obj", "Hello.Api.mstat", cancellationToken);
            // obj/Release/net10.0/linux-musl-x64/native/Hello.Api.mstat
            var rid = path.Split('/') is [.., var name, _, _] ? name : throw new MeasurementException($"{path} is not where the SDK puts it: no runtime identifier can be read from it.");
            return SizeLedger.Of(MstatReader.Read(mstat), binary.Length, budget, new(rid, sdk));
        }
        finally
        {
            progress("Cleaning up ...");
            await engine.RemoveAsync("container", _name);
            await engine.RemoveAsync("image", _name);
        }
    }

    /// <summary>A file of the container, from the tar that the engine makes of a file or folder.</summary>
    private Task<(string Path, byte[] Content)> ReadFileAsync(string from, string name, CancellationToken cancellationToken) => engine.ReadAsync(
        ["container", "cp", $"{_name}:{from}", "-"],
        async stream =>
        {
            await using var tar = new TarReader(stream, leaveOpen: true);
            while (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
            {
                if (entry.DataStream is { } data && Path.GetFileName(entry.Name) == name)
                {
                    var content = new byte[entry.Length];
                    await data.ReadExactlyAsync(content, cancellationToken);
                    return (entry.Name, content);
                }
            }

            throw new MeasurementException($"The build stage has no {name} in {from}.");
        },
        cancellationToken);
}
