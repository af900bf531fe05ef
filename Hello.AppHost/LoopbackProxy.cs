namespace Hello.AppHost;

/// <summary>Sends requests to this machine past the proxy that the environment names. The proxy would look for the dashboard and the containers on its own machine.</summary>
internal static class LoopbackProxy
{
    /// <summary>The names of this machine. .NET compares with the host of an address, which has brackets around IPv6; Go and curl without.</summary>
    private static readonly string[] Loopback = ["localhost", ".localhost", "127.0.0.1", "::1", "[::1]"];

    /// <summary>Adds the exception to this process. The orchestrator and the dashboard inherit it.</summary>
    public static void Bypass()
    {
        // Programs differ in which of the two they read first: https://learn.microsoft.com/dotnet/api/system.net.http.httpclient.defaultproxy.
        var (upper, lower) = (Environment.GetEnvironmentVariable("NO_PROXY"), Environment.GetEnvironmentVariable("no_proxy"));
        Environment.SetEnvironmentVariable("NO_PROXY", WithLoopback(upper ?? lower));
        Environment.SetEnvironmentVariable("no_proxy", WithLoopback(lower ?? upper));
    }

    /// <summary>The exceptions of a user, and loopback.</summary>
    internal static string WithLoopback(string? exceptions) =>
        string.Join(',', (exceptions ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Union(Loopback));
}
