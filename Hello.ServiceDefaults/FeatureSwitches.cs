using System.Diagnostics.CodeAnalysis;

namespace Hello.ServiceDefaults;

/// <summary>What the native binary leaves out. The compiler knows the values and removes what they make unreachable.</summary>
public static class FeatureSwitches
{
    private const string HttpClient = "Hello.ServiceDefaults.HttpClientSupported";

    /// <summary>False in the native binary, which has no HttpClientHandler and no TLS library, and therefore no https and no gRPC; see Hello.Api.csproj.</summary>
    [FeatureSwitchDefinition(HttpClient)]
    public static bool HttpClientSupported => !AppContext.TryGetSwitch(HttpClient, out var supported) || supported;
}
