namespace Hello.Tests;

/// <summary>Makes the tars that .NET's TarWriter does not make. Text stands for bytes: a character is a byte.</summary>
internal static class RawTar
{
    /// <param name="size">The field of the size; the length of the content if it is null.</param>
    public static byte[] Entry(string name, string content = "", char type = '0', string? size = null) =>
        [.. Header(name, type, size ?? Octal(content.Length)), .. Padded(content)];

    /// <summary>The same in the format of GNU tar, without a folder of its own.</summary>
    public static byte[] Header(string name, char type, string size)
    {
        var header = new byte[512];
        Put(name, 0);
        Put("0000755\0", 100);
        Put(size, 124);
        Put(Octal(0), 136);
        header[156] = (byte)type;
        Put("ustar\0" + "00", 257);
        return WithChecksum(header);

        void Put(string text, int at) => Encoding.Latin1.GetBytes(text, header.AsSpan(at));
    }

    /// <summary>Changes a field of the header at the start.</summary>
    public static byte[] With(byte[] tar, int at, string field)
    {
        Encoding.Latin1.GetBytes(field, tar.AsSpan(at));
        return [.. WithChecksum(tar[..512]), .. tar[512..]];
    }

    /// <summary>A PAX header of records <c>name=value</c> for the next entry.</summary>
    public static byte[] Pax(params string[] records) => Entry("PaxHeaders.0/a", string.Concat(records.Select(Record)), 'x');

    public static byte[] PaxText(string text) => Entry("PaxHeaders.0/a", text, 'x');

    public static byte[] Tar(params byte[][] entries) => [.. entries.SelectMany(e => e), .. new byte[1024]];

    public static string Octal(long number) => $"{Convert.ToString(number, 8).PadLeft(11, '0')}\0";

    /// <summary>A number of 12 bytes in base 256.</summary>
    public static string Base256(Int128 number) => Encoding.Latin1.GetString(
        [.. Enumerable.Range(0, 12).Select(i => (byte)((byte)(number >> (8 * (11 - i))) | (i == 0 ? 0x80 : 0)))]);

    private static string Record(string record)
    {
        // The length counts its own digits.
        var length = Enumerable.Range(1, 9).Select(digits => digits + record.Length + 2).First(n => n.ToString(CultureInfo.InvariantCulture).Length == n - record.Length - 2);
        return string.Create(CultureInfo.InvariantCulture, $"{length} {record}\n");
    }

    private static byte[] Padded(string content) => [.. Encoding.Latin1.GetBytes(content), .. new byte[-content.Length & 511]];

    private static byte[] WithChecksum(byte[] header)
    {
        "        "u8.CopyTo(header.AsSpan(148));
        Encoding.ASCII.GetBytes($"{Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0')}\0 ", header.AsSpan(148));
        return header;
    }
}
