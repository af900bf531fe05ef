using System.Text.Encodings.Web;
using System.Text.Json;
using Hello.Compare.Engine;
using Hello.Compare.Figures;

namespace Hello.Compare.Size;

/// <summary>The platform and the SDK, which the sizes depend on besides the code.</summary>
/// <param name="Rid">The runtime identifier that the binary was published for.</param>
/// <param name="Sdk">Version of the SDK.</param>
internal sealed record SizeConditions(string Rid, string Sdk);

/// <summary>The change of a namespace between two reports.</summary>
/// <param name="Namespace">The namespace; empty for types without a namespace.</param>
/// <param name="Bytes">Its bytes now; 0 if it is gone.</param>
/// <param name="Change">Its bytes now minus those in the earlier report.</param>
internal sealed record SizeChange(string Assembly, string Namespace, long Bytes, long Change);

/// <summary>All bytes of the binary, by assembly and namespace, on one platform.</summary>
/// <param name="Budget">The highest number of bytes that the binary may have. It is set by hand. Null if it is not set for this platform.</param>
/// <param name="Bytes">The length of the binary.</param>
/// <param name="Assemblies">The bytes by assembly and namespace.</param>
internal sealed record SizeReport(
    long? Budget, long Bytes, SizeConditions Conditions, IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> Assemblies)
{
    /// <summary>Everything that the compiler does not count: the runtime's native libraries, libc, tables for unwinding and relocation, padding.</summary>
    public const string Rest = "(native code and the rest)";

    private const int Culprits = 5;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>The file in Hello.Api/Size that holds a platform's report.</summary>
    /// <param name="rid">The runtime identifier, such as linux-musl-x64.</param>
    public static string PathOf(string root, string rid) => Path.Combine(root, "Hello.Api", "Size", $"{rid}.json");

    /// <summary>Makes the report. The bytes that the compiler does not count become <see cref="Rest"/>.</summary>
    /// <param name="sizes">The bytes that the compiler counts.</param>
    /// <param name="bytes">The length of the binary.</param>
    /// <exception cref="MeasurementException">The compiler counts more bytes than the binary has.</exception>
    public static SizeReport Of(IReadOnlyDictionary<(string Assembly, string Namespace), long> sizes, long bytes, long? budget, SizeConditions conditions)
    {
        var rest = bytes - sizes.Values.Sum();
        if (rest < 0)
        {
            throw new MeasurementException(Format.Invariant($"The compiler's .mstat file accounts for {-rest:N0} bytes more than the binary's {bytes:N0}: it belongs to another binary, or it counts data that is not in the file. If the SDK is new, adapt MstatReader.cs."));
        }

        var assemblies = new SortedDictionary<string, IReadOnlyDictionary<string, long>>(StringComparer.Ordinal) { [Rest] = new Dictionary<string, long> { [""] = rest } };
        foreach (var assembly in sizes.GroupBy(s => s.Key.Assembly))
        {
            assemblies.Add(assembly.Key, new SortedDictionary<string, long>(assembly.ToDictionary(s => s.Key.Namespace, s => s.Value), StringComparer.Ordinal));
        }

        return new(budget, bytes, conditions, assemblies);
    }

    /// <summary>Reads a report.</summary>
    /// <returns>Null if there is no file.</returns>
    /// <exception cref="MeasurementException">The file is not a valid report.</exception>
    public static async Task<SizeReport?> ReadAsync(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            await using var file = File.OpenRead(path);
            var report = await JsonSerializer.DeserializeAsync<SizeReport>(file, Json, cancellationToken);
            return report?.Assemblies.Values.All(n => n is not null) == true ? report : throw new JsonException("an assembly has null instead of its namespaces.");
        }
        catch (JsonException e)
        {
            throw new MeasurementException($"{path} is not a valid size report ({e.Message.ReplaceLineEndings(" ")}). Restore it with: git checkout {path}", e);
        }
    }

    /// <summary>Writes the report.</summary>
    public Task WriteAsync(string path, CancellationToken cancellationToken) =>
        File.WriteAllTextAsync(path, $"{JsonSerializer.Serialize(this, Json)}\n", cancellationToken);

    /// <summary>The changes since an earlier report, with every namespace of the two.</summary>
    public IReadOnlyList<SizeChange> ChangesSince(SizeReport earlier)
    {
        var (now, then) = (Flatten(this), Flatten(earlier));
        return [.. now.Keys.Union(then.Keys).Select(key => new SizeChange(key.Assembly, key.Namespace, now.GetValueOrDefault(key), now.GetValueOrDefault(key) - then.GetValueOrDefault(key)))];

        static Dictionary<(string Assembly, string Namespace), long> Flatten(SizeReport report) =>
            report.Assemblies.SelectMany(a => a.Value.Select(n => (Key: (a.Key, n.Key), n.Value))).ToDictionary(e => e.Key, e => e.Value);
    }

    /// <summary>Explains by how many bytes the binary exceeds its budget, and which namespaces have grown most.</summary>
    /// <returns>One line; null if the binary is within its budget.</returns>
    public string? ExplainExcess(SizeReport earlier)
    {
        if (Budget is not { } budget || Bytes <= budget)
        {
            return null;
        }

        var grown = ChangesSince(earlier)
            .Where(c => c.Change > 0 && !c.Assembly.StartsWith('('))
            .OrderByDescending(c => c.Change)
            .Take(Culprits)
            .Select(c => Format.Invariant($"{c.Namespace} ({c.Assembly}) {c.Change:+#,0}"))
            .DefaultIfEmpty("no namespace");
        return Format.Invariant(
            $"The binary has {Bytes:N0} bytes, {Bytes - budget:N0} more than its budget of {budget:N0} for {Conditions.Rid}. These have grown most: {string.Join(", ", grown)}. See all with: dotnet run --project Hello.Compare -- size");
    }
}
