using System.Text.Encodings.Web;
using System.Text.Json;
using Hello.AppHost.Comparison;

namespace Hello.AppHost.Ledger;

/// <summary>What the sizes depend on besides the code.</summary>
/// <param name="Rid">The runtime identifier that the binary was published for.</param>
/// <param name="Sdk">Version of the SDK.</param>
internal sealed record LedgerConditions(string Rid, string Sdk);

/// <summary>A namespace in two ledgers.</summary>
/// <param name="Assembly">Its assembly.</param>
/// <param name="Namespace">Its name; empty for what stands in none.</param>
/// <param name="Bytes">What it has; 0 when it is gone.</param>
/// <param name="Change">How many of them are new; negative when it has shrunk.</param>
internal sealed record LedgerChange(string Assembly, string Namespace, long Bytes, long Change);

/// <summary>Where the bytes of the binary are: all of them, by assembly and namespace.</summary>
/// <param name="Budget">How many it may have; typed by a person.</param>
/// <param name="Bytes">How many it has.</param>
/// <param name="Conditions">Under what conditions.</param>
/// <param name="Assemblies">Its bytes by assembly and, within, by namespace.</param>
internal sealed record SizeLedger(
    long Budget, long Bytes, LedgerConditions Conditions, IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> Assemblies)
{
    /// <summary>The runtime's native libraries and libc, tables for unwinding and relocation, padding: what the compiler does not account for.</summary>
    public const string Rest = "(native code and the rest)";

    private const int Culprits = 5;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Accounts for a binary.</summary>
    /// <param name="sizes">What the compiler accounts for.</param>
    /// <param name="bytes">Length of the binary.</param>
    /// <param name="budget">How many bytes it may have.</param>
    /// <param name="conditions">Under what conditions it was made.</param>
    /// <returns>The ledger, which adds up to the length.</returns>
    /// <exception cref="MeasurementException">The compiler accounts for more than there is.</exception>
    public static SizeLedger Of(IReadOnlyDictionary<(string Assembly, string Namespace), long> sizes, long bytes, long budget, LedgerConditions conditions)
    {
        var rest = bytes - sizes.Values.Sum();
        if (rest < 0)
        {
            throw new MeasurementException(Format.Invariant($"The compiler's .mstat file accounts for {-rest:N0} bytes more than the binary's {bytes:N0}: it belongs to another one, or counts what this does not know of."));
        }

        var assemblies = new SortedDictionary<string, IReadOnlyDictionary<string, long>>(StringComparer.Ordinal) { [Rest] = new Dictionary<string, long> { [""] = rest } };
        foreach (var assembly in sizes.GroupBy(s => s.Key.Assembly))
        {
            assemblies.Add(assembly.Key, new SortedDictionary<string, long>(assembly.ToDictionary(s => s.Key.Namespace, s => s.Value), StringComparer.Ordinal));
        }

        return new(budget, bytes, conditions, assemblies);
    }

    /// <summary>Reads a ledger.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The ledger.</returns>
    /// <exception cref="MeasurementException">It is none.</exception>
    public static async Task<SizeLedger> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(path);
            var ledger = await JsonSerializer.DeserializeAsync<SizeLedger>(file, Json, cancellationToken);
            return ledger?.Assemblies.Values.All(n => n is not null) == true ? ledger : throw new JsonException("null stands in the place of sizes.");
        }
        catch (JsonException e)
        {
            throw new MeasurementException($"{path} is no ledger ({e.Message.ReplaceLineEndings(" ")}): 'git checkout {path}' brings it back.", e);
        }
    }

    /// <summary>Writes the ledger.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>Completes once it is written.</returns>
    public Task WriteAsync(string path, CancellationToken cancellationToken) =>
        File.WriteAllTextAsync(path, $"{JsonSerializer.Serialize(this, Json)}\n", cancellationToken);

    /// <summary>Compares with an earlier ledger.</summary>
    /// <param name="earlier">The other.</param>
    /// <returns>Every namespace of the two.</returns>
    public IReadOnlyList<LedgerChange> ChangesSince(SizeLedger earlier)
    {
        var (now, then) = (Flatten(this), Flatten(earlier));
        return [.. now.Keys.Union(then.Keys).Select(key => new LedgerChange(key.Assembly, key.Namespace, now.GetValueOrDefault(key), now.GetValueOrDefault(key) - then.GetValueOrDefault(key)))];

        static Dictionary<(string Assembly, string Namespace), long> Flatten(SizeLedger ledger) =>
            ledger.Assemblies.SelectMany(a => a.Value.Select(n => (Key: (a.Key, n.Key), n.Value))).ToDictionary(e => e.Key, e => e.Value);
    }

    /// <summary>Says by how much the binary exceeds its budget, and through what.</summary>
    /// <param name="earlier">A ledger from when it did not.</param>
    /// <returns>One line; null when it is within its budget.</returns>
    public string? ExplainExcess(SizeLedger earlier)
    {
        if (Bytes <= Budget)
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
            $"The binary has {Bytes:N0} bytes, {Bytes - Budget:N0} more than its budget of {Budget:N0}. Grown most against the ledger: {string.Join(", ", grown)}. 'dotnet run --project Hello.AppHost -- ledger' shows all.");
    }
}
