namespace Hello.Compare.Images;

/// <summary>Reads the beginning of an ELF file, which names the dynamic loader if there is one: https://refspecs.linuxfoundation.org/elf/elf.pdf.</summary>
internal static class ElfHeader
{
    /// <summary>Number of bytes to read. Linkers put the program headers right after the header, so this is enough for both.</summary>
    public const int Length = 4096;

    private const uint Interpreter = 3;

    /// <summary>Whether a binary is static.</summary>
    public static bool? IsStatic(ReadOnlySpan<byte> file)
    {
        // e_ident: 7f 'E' 'L' 'F', 1 or 2 for 32 or 64 bits, 1 or 2 for little-endian or big-endian.
        if (file.Length < 52 || !file.StartsWith("\u007fELF"u8) || file[4] is not (1 or 2) || file[5] is not (1 or 2) || file.Length < (file[4] == 2 ? 64 : 52))
        {
            return null;
        }

        var (is64Bit, isLittleEndian) = (file[4] == 2, file[5] == 1);
        var table = Number(file, is64Bit ? 0x20 : 0x1C, is64Bit ? 8 : 4);
        var (size, count) = (Number(file, is64Bit ? 0x36 : 0x2A, 2), Number(file, is64Bit ? 0x38 : 0x2C, 2));
        for (var i = 0UL; i < count; i++)
        {
            var at = table + (i * size);
            if (at > (ulong)file.Length - 4)
            {
                return null;
            }

            if (Number(file, (int)at, 4) == Interpreter)
            {
                return false;
            }
        }

        return table == 0 ? null : true;

        ulong Number(ReadOnlySpan<byte> bytes, int at, int length)
        {
            var digits = bytes.Slice(at, length).ToArray();
            return (isLittleEndian ? digits.Reverse() : digits).Aggregate(0UL, (number, digit) => (number << 8) | digit);
        }
    }
}
