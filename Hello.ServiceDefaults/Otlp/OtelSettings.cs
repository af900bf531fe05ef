using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;

namespace Hello.ServiceDefaults.Otlp;

/// <summary>
/// Finds the <c>OTEL_*</c> settings that cannot be used or that nothing reads. OpenTelemetry ignores them in silence, or
/// throws while the host starts. <see cref="OtlpSignal"/> does the same for the settings of the exporters.
/// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
/// </summary>
internal static class OtelSettings
{
    private const string Prefix = "OTEL_";
    private const string SamplerSetting = "OTEL_TRACES_SAMPLER";
    private const string DefaultQueue = "2048";

    /// <summary>A queue is an array that is allocated at the start, 8 bytes for each place.</summary>
    private const int MaxQueue = 1_000_000;
    private const string RatioSetting = "OTEL_TRACES_SAMPLER_ARG";

    private static readonly string[] Signals = ["TRACES", "METRICS", "LOGS"];

    private static readonly string[] Counts =
    [
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    ];

    private static readonly string[] PositiveNumbers =
    [
        "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_EXPORT_TIMEOUT", "OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT",
    ];

    private static readonly (string Setting, string[] Words)[] Enumerations =
    [
        ("OTEL_SDK_DISABLED", ["true", "false"]),
        (SamplerSetting, ["always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"]),
        ("OTEL_METRICS_EXEMPLAR_FILTER", ["always_on", "always_off", "trace_based"]),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", ["cumulative", "delta"]),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", ["explicit_bucket_histogram", "base2_exponential_bucket_histogram"]),
        ("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", ["in_memory"]), // the other, disk, needs a folder that the images do not have
    ];

    /// <summary>Settings that <see cref="OtlpSignal"/> reads, for all signals or for one.</summary>
    private static readonly string[] OfExporters = ["ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION"];

    private static readonly string[] Others =
    [
        "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", RatioSetting, "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
        "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "OTEL_PROPAGATORS",
    ];

    /// <summary>The settings that are read here or by OpenTelemetry, for all signals.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        .. Counts, .. PositiveNumbers, .. Others, .. Enumerations.Select(e => e.Setting),
        .. Signals.Select(signal => $"OTEL_{signal}_EXPORTER"), .. OfExporters.Select(setting => $"OTEL_EXPORTER_OTLP_{setting}"),
    ];

    /// <summary>Names the settings that cannot be used, and puts their defaults in their place.</summary>
    /// <returns>Each says which setting it is, why, and what to do.</returns>
    public static List<string> Check(IConfigurationManager configuration)
    {
        List<string> warnings = [];
        Dictionary<string, string?> replaced = [];

        foreach (var setting in configuration.GetChildren().Select(s => s.Key).Where(IsUnknown).Order(StringComparer.Ordinal))
        {
            warnings.Add($"{setting} is ignored, because nothing here reads it. Unset it.");
        }

        foreach (var setting in Counts)
        {
            CheckNumber(setting, least: 0);
        }

        foreach (var setting in PositiveNumbers)
        {
            CheckNumber(setting, least: 1, most: setting.EndsWith("_QUEUE_SIZE", StringComparison.Ordinal) ? MaxQueue : int.MaxValue);
        }

        foreach (var (setting, words) in Enumerations)
        {
            if (Read(setting) is not { } value)
            {
                continue;
            }

            if (!words.Contains(value.ToLowerInvariant()))
            {
                Unusable(setting, value, $"Set it to {string.Join(" or ", words)}");
            }
            else
            {
                replaced[setting] = value.ToLowerInvariant(); // the specification ignores the case, and OpenTelemetry does not
            }
        }

        CheckRatio();
        CheckBatch("OTEL_BSP");
        CheckBatch("OTEL_BLRP");

        if (Read("OTEL_RESOURCE_ATTRIBUTES") is { } attributes && !attributes.Split(',').All(pair => pair.IndexOf('=', StringComparison.Ordinal) > 0))
        {
            warnings.Add("OTEL_RESOURCE_ATTRIBUTES is not of the form name=value,name=value: parts of another form are ignored. Correct it.");
        }

        if (Read("OTEL_PROPAGATORS") is { } propagators && !propagators.Split(',', StringSplitOptions.TrimEntries).All(p => p.ToUpperInvariant() is "TRACECONTEXT" or "BAGGAGE"))
        {
            warnings.Add($"OTEL_PROPAGATORS is '{Setting.Show(propagators)}': the API reads W3C's traceparent header and no other. Set it to tracecontext,baggage.");
        }

        if (Read("OTEL_EXPORTER_OTLP_CLIENT_KEY") is not null && Read("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE") is null)
        {
            warnings.Add("OTEL_EXPORTER_OTLP_CLIENT_KEY is ignored, because OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is not set. Set that too.");
        }

        configuration.Sources.Add(new MemoryConfigurationSource { InitialData = replaced });
        return warnings;

        string? Read(string setting) => configuration[setting]?.Trim() is { Length: > 0 } value ? value : null;

        void Unusable(string setting, string value, string instead)
        {
            warnings.Add($"{setting} is '{Setting.Show(value)}', which cannot be used: its default holds. {instead}.");
            replaced[setting] = Microsoft.Extensions.Hosting.Extensions.Defaults.GetValueOrDefault(setting);
        }

        void CheckNumber(string setting, int least, int most = int.MaxValue)
        {
            if (Read(setting) is { } value && !(int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most))
            {
                Unusable(setting, value, $"Set it to a whole number from {least} to {most}");
            }
        }

        void CheckRatio()
        {
            if (Read(RatioSetting) is not { } ratio)
            {
                return;
            }

            if (Read(SamplerSetting)?.EndsWith("traceidratio", StringComparison.OrdinalIgnoreCase) is not true)
            {
                warnings.Add($"{RatioSetting} is '{Setting.Show(ratio)}' and is ignored, because {SamplerSetting} is no sampler with a ratio. Set that to parentbased_traceidratio.");
            }
            else if (!(double.TryParse(ratio, CultureInfo.InvariantCulture, out var number) && number is >= 0 and <= 1))
            {
                Unusable(RatioSetting, ratio, "Set it to a number from 0 to 1");
            }
        }

        // A batch that is larger than the queue would be an exception while the host starts.
        void CheckBatch(string processor)
        {
            var (queueSetting, batchSetting) = ($"{processor}_MAX_QUEUE_SIZE", $"{processor}_MAX_EXPORT_BATCH_SIZE");
            var queue = (replaced.ContainsKey(queueSetting) ? null : Read(queueSetting)) ?? DefaultQueue;
            var batch = (replaced.TryGetValue(batchSetting, out var byDefault) ? byDefault : Read(batchSetting)) ?? queue;
            if (int.Parse(batch, CultureInfo.InvariantCulture) > int.Parse(queue, CultureInfo.InvariantCulture))
            {
                if (batch != Microsoft.Extensions.Hosting.Extensions.Defaults[batchSetting])
                {
                    warnings.Add($"{batchSetting} is '{batch}', more than the queue holds: a batch is {queue}. Set {queueSetting} to {batch} or more.");
                }

                replaced[batchSetting] = queue;
            }
        }
    }

    private static bool IsUnknown(string setting)
    {
        var name = setting.ToUpperInvariant();
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && !name.StartsWith("OTEL_DOTNET_EXPERIMENTAL_", StringComparison.Ordinal) // which only OpenTelemetry knows
            && !Known.Contains(name)
            && !Signals.Any(signal => OfExporters.Any(setting => name == $"OTEL_EXPORTER_OTLP_{signal}_{setting}"));
    }
}
