namespace Hello.Api;

/// <summary>The addresses on which the settings make the API listen: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints.</summary>
internal static class ListenAddresses
{
    private const string NoTls = ", and this static binary has no TLS library. Use http here and https in a proxy in front of it, or run the alpine image.";

    /// <summary>Reads them as ASP.NET Core does. Kestrel's own endpoints win over the host's addresses, and addresses over ports.</summary>
    public static (string Key, string Address)[] Read(IConfiguration settings)
    {
        var section = settings.GetSection("Kestrel:Endpoints");
        (string, string)[] endpoints = [.. section.GetChildren().Select(endpoint => ($"{endpoint.Path}:Url", endpoint["Url"] ?? ""))];
        (string, string)[] hosting = settings["urls"] is { Length: > 0 } urls
            ? [.. urls.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(url => ("urls", url))]
            : [.. Ports("http"), .. Ports("https")];
        var preferHosting = hosting.Length > 0 && settings["preferHostingUrls"]?.ToUpperInvariant() is "TRUE" or "1";
        return endpoints.Length == 0 || preferHosting ? hosting : endpoints;

        IEnumerable<(string, string)> Ports(string scheme) => (settings[$"{scheme}_ports"] ?? "")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(port => ($"{scheme}_ports", $"{scheme}://*:{port}"));
    }

    /// <summary>Finds an address of which Kestrel would give a wrong reason, or that it would take for another address.</summary>
    /// <exception cref="SettingException">There is one.</exception>
    public static void Check(IConfiguration settings)
    {
        if (!HttpSupport.IsFull && settings.GetSection("Kestrel").AsEnumerable().FirstOrDefault(setting => setting.Value is not null
            && setting.Key.Contains("Certificate", StringComparison.OrdinalIgnoreCase)) is { Key: { } certificate, Value: { } value })
        {
            throw new SettingException($"{Settings.NameOf(certificate, value)} is set{NoTls}");
        }

        foreach (var (key, address) in Read(settings))
        {
            if (WhyNot(key, address) is { } reason)
            {
                throw new SettingException(Settings.Describe(settings, key) + reason);
            }
        }
    }

    private static string? WhyNot(string key, string address)
    {
        if (address.Contains("://unix:/", StringComparison.OrdinalIgnoreCase) || address.Contains("://pipe:/", StringComparison.OrdinalIgnoreCase))
        {
            var folder = Path.GetDirectoryName(BindingAddress.Parse(address) is { IsUnixPipe: true } socket ? socket.UnixPipePath : null);
            return folder is null || Directory.Exists(folder) ? null : $", and there is no folder {folder} for the socket. Create it, or use another folder.";
        }

        // Kestrel listens on port 80 of every address if a port is not a number or a bracket is missing.
        var one = address.Replace("://+", "://any", StringComparison.Ordinal).Replace("://*", "://any", StringComparison.Ordinal);
        var isAddress = Uri.TryCreate(one, UriKind.Absolute, out var uri)
            && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps) && uri is { PathAndQuery: "/", UserInfo: "" };
        return isAddress ? uri!.Scheme == Uri.UriSchemeHttps && !HttpSupport.IsFull ? NoTls : null
            : key is "http_ports" or "https_ports"
                ? ", which is not a list of ports. Set it to a number from 0 to 65535 such as 8080, or to several with semicolons between them."
                : ", which is no address to listen on. Set it to a scheme (http or https), a host and a port from 0 to 65535, such as http://+:8080.";
    }
}
