namespace Hello.Compare.Images;

/// <summary>What an image runs on, in the words of https://github.com/opencontainers/image-spec/blob/main/image-index.md.</summary>
internal sealed record ImagePlatform(string? Os, string? Architecture, string? Variant = null)
{
    /// <summary>The variant, with those resolved that have no name of their own: https://github.com/containerd/platforms.</summary>
    private string Level => (Architecture, Variant) switch
    {
        ("arm", null or "") => "v7",
        ("arm64", "v8") or ("amd64", "v1") => "",
        _ => Variant ?? "",
    };

    /// <summary>Whether a machine must emulate the processor of a platform. Many processors run the programs of their 32-bit ancestors themselves.</summary>
    public static bool IsEmulated(string platform, string architecture) =>
        platform.Split('/').ElementAtOrDefault(1) is { } other && other != architecture && (other, architecture) is not ("386", "amd64") and not ("arm", "arm64");

    /// <summary>As a command line writes it: "linux/arm/v7".</summary>
    public override string ToString() => string.Join('/', new[] { Os, Architecture, Variant }.Where(part => !string.IsNullOrEmpty(part)));

    /// <summary>Reads <c>{"os":"linux","architecture":"arm","variant":"v7"}</c>. The engine writes the same names with capitals. Members that are no text are left out.</summary>
    internal static ImagePlatform? Of(JsonElement json)
    {
        return json.ValueKind == JsonValueKind.Object ? new(Text("os"), Text("architecture"), Text("variant")) : null;

        string? Text(string name) => json.EnumerateObject().Where(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(m => m.Value.ValueKind == JsonValueKind.String ? m.Value.GetString() : null).FirstOrDefault();
    }

    /// <summary>How well the other one stands in for this one: 0 is the same.</summary>
    internal int DistanceTo(ImagePlatform other) => (Os, Architecture) != (other.Os, other.Architecture) ? 2 : Level != other.Level ? 1 : 0;
}
