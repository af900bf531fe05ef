namespace Hello.ServiceDefaults;

/// <summary>A setting in a message.</summary>
public static class Setting
{
    /// <summary>A value as a message may show it. Credentials and queries of the addresses in it are secrets.</summary>
    /// <param name="value">One address, or several with semicolons between them, or any other text.</param>
    public static string Show(string value) => string.Join(';', value.Split(';').Select(ShowAddress)).ReplaceLineEndings(" ");

    private static string ShowAddress(string address)
    {
        // A password may hold any character, so the text is not parsed as an address.
        var start = address.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme ? scheme + 3 : 0;
        var host = address.LastIndexOf('@') + 1;
        var shown = host > start ? $"{address[..start]}***@{address[host..]}" : address;
        return shown.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query ? $"{shown[..query]}?***" : shown;
    }
}
