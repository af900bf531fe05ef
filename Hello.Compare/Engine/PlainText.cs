namespace Hello.Compare.Engine;

/// <summary>Text that strangers wrote: names, labels and instructions of images, lines of their programs, and errors that quote one of these.</summary>
public static class PlainText
{
    /// <summary>The text in one line, without characters that change a terminal, forge a line or turn the order of letters. Each of them becomes <c>?</c>.</summary>
    public static string Clean(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.Concat(text.EnumerateRunes().Select(rune => IsPlain(Rune.GetUnicodeCategory(rune)) ? rune.ToString() : "?"));
    }

    /// <summary>The same, and not longer than a number of characters.</summary>
    public static string Shorten(string text, int length) => Clean(text) is var clean && clean.Length <= length ? clean : $"{clean[..length]} …";

    private static bool IsPlain(UnicodeCategory category) => category is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
