using System.Buffers.Binary;

namespace Hello.Compare.Images;

/// <summary>Reads the beginning of an ELF file, which names the dynamic loader if there is one: https://refspecs.linuxfoundation.org/elf/elf.pdf.</summary>
public static class ElfHeader
{
    /// <summary>Number of bytes to read. Linkers put the program headers right after the header, so this is enough for both.</summary>
    public const int Length = 4096;

    /// <summary>PT_INTERP, the type of the program header that names the dynamic loader.</summary>
    private const uint Interpreter = 3;

    /// <summary>Whether a binary is static.</summary>
    /// <param name="file">The first <see cref="Length"/> bytes of the file, or the whole file if it is shorter.</param>
    /// <returns>Null if the file is not a 64-bit little-endian ELF file.</returns>
    public static bool? IsStatic(ReadOnlySpan<byte> file)
    {
        // e_ident: 7f 'E' 'L' 'F', ELFCLASS64, ELFDATA2LSB.
        if (file.Length < 64 || !file.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return null;
        }

        var table = BinaryPrimitives.ReadUInt64LittleEndian(file[0x20..]);
        var (size, count) = (BinaryPrimitives.ReadUInt16LittleEndian(file[0x36..]), BinaryPrimitives.ReadUInt16LittleEndian(file[0x38..]));
        for (var i = 0; i < count; i++)
        {
            var at = table + (ulong)(i * size);
            if (at > (ulong)file.Length - 4)
            {
                return null;
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(file[(int)at..]) == Interpreter)
            {
                return false;
            }
        }

        return true;
    }
}
