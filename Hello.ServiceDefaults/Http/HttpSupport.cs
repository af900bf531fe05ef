using System.Diagnostics.CodeAnalysis;

namespace Hello.ServiceDefaults.Http;

/// <summary>How much of .NET's HTTP a build has. The compiler knows the answer and removes what it makes unreachable.</summary>
public static class HttpSupport
{
    private const string Full = "Hello.ServiceDefaults.FullHttp";

    /// <summary>False in the static binary, which has no TLS, no HTTP/2, no gRPC and no proxies: see Hello.Api.csproj.</summary>
    [FeatureSwitchDefinition(Full)]
    public static bool IsFull => !AppContext.TryGetSwitch(Full, out var isFull) || isFull;
}
