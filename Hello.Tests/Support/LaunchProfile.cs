namespace Hello.Tests;

/// <summary>What a launch profile of the AppHost sets.</summary>
internal static class LaunchProfile
{
    /// <summary>The settings whose ports the AppHost and its dashboard listen on: https://aspire.dev/app-host/configuration/.</summary>
    public static readonly string[] Addresses =
        ["ASPNETCORE_URLS", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL", "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"];

    /// <summary>The variables of a profile whose ports are free.</summary>
    public static Dictionary<string, string?> OnFreePorts()
    {
        var variables = Addresses.ToDictionary(setting => setting, _ => (string?)$"http://localhost:{LocalPort.FindFree()}");
        variables["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        variables["ASPIRE_VERSION_CHECK_DISABLED"] = "true"; // otherwise it asks NuGet
        variables["ASPIRE_DASHBOARD_PERSISTENCE_MODE"] = "None"; // otherwise the dashboard keeps the run in the user's home folder
        return variables;
    }
}
