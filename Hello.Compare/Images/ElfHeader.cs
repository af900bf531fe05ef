using System.Buffers.Binary;

namespace Hello.Compare.Images;

/// <summary>The beginning of an ELF file, which tells whether it asks for a dynamic loader: https://refspecs.linuxfoundation.org/elf/elf.pdf.</summary>
public static class ElfHeader
{
    /// <summary>Enough for the header and the program headers behind it, where linkers put them.</summary>
    public const int Length = 4096;

    /// <summary>PT_INTERP: the program header that names the loader.</summary>
    private const uint Interpreter = 3;

    /// <summary>Tells a static binary from a dynamic one.</summary>
    /// <param name="file">The file's first <see cref="Length"/> bytes, or all of a shorter one.</param>
    /// <returns>Null when it is no 64-bit little-endian ELF file.</returns>
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
