namespace Hello.Tests;

/// <summary>What a person may have in the environment and in the configuration of Docker's client, and what must change nothing here.</summary>
internal static class PersonEnvironment
{
    /// <summary>https://docs.docker.com/reference/cli/docker/#environment-variables, https://docs.docker.com/build/building/variables/</summary>
    public static readonly (string Name, string Value)[] OfClient =
    [
        ("BUILDKIT_PROGRESS", "tty"), ("BUILDX_BUILDER", "nowhere"), ("BUILDX_NO_DEFAULT_LOAD", "1"),
        ("DOCKER_BUILDKIT", "0"), ("DOCKER_CONTENT_TRUST", "1"), ("DOCKER_DEFAULT_PLATFORM", "linux/s390x"),
    ];

    /// <summary>Those that MSBuild would take for properties, and what they are in this repository.</summary>
    public static readonly (string Name, string Value, string Property)[] OfBuild =
        [("VERSION", "v1.2", "1.0.0"), ("RuntimeIdentifier", "linux-musl-x64", ""), ("PublishAot", "true", "false")];

    /// <summary>https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties</summary>
    private const string Configuration = """
        {
          "credsStore": "missing", "detachKeys": "ctrl-a", "imagesFormat": "{{.Repository}}", "networksFormat": "x", "psFormat": "{{.Names}}",
          "HttpHeaders": { "X-Mine": "1" },
          "proxies": { "default": { "httpProxy": "http://127.0.0.1:9", "httpsProxy": "http://127.0.0.1:9" } }
        }
        """;

    /// <summary>All of it, and some more that programs read.</summary>
    /// <param name="folder">Gets the configuration.</param>
    /// <param name="proxy">The address of a proxy.</param>
    public static Dictionary<string, string?> Create(DirectoryInfo folder, string proxy = "http://127.0.0.1:9")
    {
        File.WriteAllText(Path.Combine(folder.FullName, "config.json"), Configuration);
        return new(OfClient.Select(variable => KeyValuePair.Create(variable.Name, (string?)variable.Value)))
        {
            ["DOCKER_CONFIG"] = folder.FullName,
            ["HTTP_PROXY"] = proxy,
            ["HTTPS_PROXY"] = proxy,
            ["ALL_PROXY"] = proxy,
            ["NO_PROXY"] = "example.org",
            ["LANG"] = "tr_TR.UTF-8",
            ["DOTNET_CLI_UI_LANGUAGE"] = "de",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9",
            ["OTEL_SDK_DISABLED"] = "true",
            ["SOURCE_DATE_EPOCH"] = "0",
            ["TZ"] = "Asia/Kathmandu",
        };
    }
}
