using System.Text.Json.Nodes;
using static Hello.Tests.ImageArchiveBuilder;
using Archive = Hello.Compare.Images.ImageArchive;

namespace Hello.Tests;

/// <summary>
/// Whatever is in an archive, it ends in figures or in one error. HELLO_FUZZ=20000 makes as many archives as that:
/// <c>HELLO_FUZZ=20000 dotnet test --filter FullyQualifiedName~ImageArchiveFuzzTests</c>.
/// </summary>
public sealed partial class ImageArchiveFuzzTests
{
    private const string Entries =
        "bin/ bin/sh=x app/f=hello app/g=>app/f etc/passwd=root:x:0:0 lib->usr/lib usr/lib/l=1 .wh.gone d/.wh..wh..opq é=ü ../up=1 /abs=2";

    private const string Config = """
        {
          "os": "linux", "architecture": "amd64", "variant": "v1",
          "config": {
            "User": "1:2", "Env": ["PATH=/bin:/app", "A"], "Entrypoint": ["sh"], "Cmd": ["-c"], "WorkingDir": "/app", "Shell": ["/bin/ash", "-c"],
            "ExposedPorts": { "8080/tcp": {} }, "Labels": { "org.opencontainers.image.base.name": "a" }
          },
          "history": [{ "created_by": "RUN |1 A=b /bin/sh -c x # buildkit" }, { "created_by": "USER 1", "empty_layer": true }]
        }
        """;

    private const long MemoryLimit = 200_000_000;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly string[] Layouts = [nameof(Docker), nameof(Oci), nameof(NestedOci), nameof(Both)];

    private static readonly string[] Odd =
        ["null", "0", "-1", "\"\"", "\"sha256:../x\"", "true", "[]", "{}", "[null]", $"{long.MaxValue}", "\"\\u001b[2J\"", "["];

    /// <summary>The seed is the number of the archive, so a failure can be repeated.</summary>
    [Fact]
    public async Task Mutated_archives_end_in_figures_or_in_one_error()
    {
        var count = int.Parse(Environment.GetEnvironmentVariable("HELLO_FUZZ") ?? "1000", CultureInfo.InvariantCulture);
        var (read, failures) = (0, new List<string>());
        for (var seed = 0; seed < count; seed++)
        {
            var archive = Make(new(seed));
            using var limit = new CancellationTokenSource(Limit);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var reading = Archive.ReadAsync(new MemoryStream(archive), ImageArchiveTests.Machine, sample: seed % 2 == 0, limit.Token);
                Assert.True(reading.IsCompleted, "Another thread has read it, so its memory is unknown.");
                ImageFacts.Of(await reading, dockerfile: null, standIns: []);
                read++;
            }
            catch (MeasurementException e) when (!e.Message.Any(char.IsControl))
            {
                // One line that says what is wrong with it.
            }
            catch (Exception e)
            {
                failures.Add($"{seed}: {e}");
            }

            if (GC.GetAllocatedBytesForCurrentThread() - before is > MemoryLimit and var bytes)
            {
                failures.Add($"{seed}: {bytes:N0} bytes of memory");
            }
        }

        Assert.True(failures.Count == 0, $"{failures.Count} of {count}:\n{string.Join('\n', failures.Take(5))}");
        Assert.InRange(read, count / 20, count - 1);
    }

    /// <summary>Changes a layer, a JSON file, the archive or several of them.</summary>
    private static byte[] Make(Random random)
    {
        byte[][] layers = [Layer(Entries), .. Enumerable.Range(0, random.Next(3)).Select(i => Layer($"{(i == 0 ? "app/.wh.f" : "app=file")} more{i}=1"))];
        if (random.Next(20) == 0)
        {
            layers = [.. Enumerable.Repeat(layers[0], 130)];
        }

        if (random.Next(2) == 0)
        {
            layers[0] = Mutate(layers[0], random);
        }

        byte[] Store(byte[] layer) => random.Next(3) switch { 0 => Gzip(layer), 1 => Zstd(layer), _ => layer };
        var archive = random.Next(3) == 0
            ? Stored(layers, [.. layers.Select(Store).Select(l => random.Next(4) == 0 ? Mutate(l, random) : l)])
            : Of(Layouts[random.Next(Layouts.Length)], layers);
        foreach (var name in archive.Files.Keys.Where(name => archive.Files[name].AsSpan().StartsWith("{\"rootfs\""u8)).ToArray())
        {
            var config = JsonNode.Parse(Config)!;
            config["rootfs"] = JsonNode.Parse(archive.Files[name])!["rootfs"]!.DeepClone();
            archive.Files[name] = Encoding.UTF8.GetBytes(config.ToJsonString());
        }

        if (random.Next(2) == 0)
        {
            var json = archive.Files.Keys.Where(name => archive.Files[name] is [(byte)'{' or (byte)'[', ..]).ToArray();
            var twisted = json[random.Next(json.Length)];
            archive.Files[twisted] = Encoding.UTF8.GetBytes(Twist(Encoding.UTF8.GetString(archive.Files[twisted]), random));
        }

        if (random.Next(4) == 0)
        {
            archive.Links[$"{archive.Files.Keys.First()}.link"] = random.Next(2) == 0 ? "../../x" : $"{archive.Files.Keys.First()}.link";
        }

        return random.Next(3) == 0 ? Mutate(archive.ToArray(), random) : archive.ToArray();
    }

    /// <summary>Cuts bytes off, changes some, repeats some, or gives a header of a tar another size or type, with the right checksum.</summary>
    private static byte[] Mutate(byte[] content, Random random)
    {
        var changed = content.ToArray();
        var at = random.Next(changed.Length);
        switch (random.Next(4))
        {
            case 0:
                return changed[..at];
            case 1:
                random.NextBytes(changed.AsSpan(at, Math.Min(random.Next(1, 16), changed.Length - at)));
                return changed;
            case 2:
                return [.. changed[..at], .. changed[random.Next(at + 1)..]];
            default:
                at = at / 512 * 512;
                var size = ((string[])["77777777777", "00000000000", "-0000000001", "9999999999x"])[random.Next(4)];
                var type = "0123456gxLK\0Z"[random.Next(13)].ToString();
                return changed.Length - at < 512 ? changed : [.. changed[..at], .. RawTar.With(RawTar.With(changed[at..], 124, size), 156, type)];
        }
    }

    /// <summary>Puts something odd in the place of a text, a number, a list or an object without another object in it.</summary>
    private static string Twist(string json, Random random)
    {
        var values = Value().Matches(json);
        var value = values[random.Next(values.Count)];
        return $"{json[..value.Index]}{Odd[random.Next(Odd.Length)]}{json[(value.Index + value.Length)..]}";
    }

    [GeneratedRegex("""("[^"]*"(?!:)|\b\d+\b|\[[^\[\]]*\]|\{[^{}]*\})""")]
    private static partial Regex Value();
}
