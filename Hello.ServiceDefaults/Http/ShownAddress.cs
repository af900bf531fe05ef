namespace Hello.ServiceDefaults.Http;

/// <summary>An address as a message may show it.</summary>
public static class ShownAddress
{
    /// <summary>Hides the credentials and the queries, because they are secrets.</summary>
    /// <param name="value">One address, or several with semicolons between them, or any other text.</param>
    public static string Of(string value) => string.Join(';', value.Split(';').Select(OfOne)).ReplaceLineEndings(" ");

    private static string OfOne(string address)
    {
        // A password may hold any character, so the text is not parsed as an address.
        var start = address.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme ? scheme + 3 : 0;
        var host = address.LastIndexOf('@') + 1;
        var shown = host > start ? $"{address[..start]}***@{address[host..]}" : address;
        return shown.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query ? $"{shown[..query]}?***" : shown;
    }
}
