using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace Hello.Compare.Images;

/// <summary>An entry of a tar.</summary>
/// <remarks>
/// Engines unpack layers with Go's archive/tar, and this reader accepts what that one accepts. .NET's TarReader throws if a PAX
/// value has a line feed in it, which binary attributes may have, if a record is there twice, or if a UID needs all of its eight bytes.
/// </remarks>
/// <param name="Target">The target of a link; empty if it is not a link.</param>
/// <param name="Content">It can be read until the next entry is read.</param>
internal sealed record TarFile(string Name, TarEntryType Type, long Length, string Target, int Mode, Stream Content)
{
    /// <summary>Length of a header. Contents are filled up to a multiple of it.</summary>
    public const int Block = 512;

    /// <summary>The highest length of a PAX header or a long name, as in Go's archive/tar.</summary>
    private const int ExtensionLimit = 1024 * 1024;

    private const int ModeBits = 0b111_111_111_111;

    /// <summary>Reads all entries. PAX headers and GNU's long names are no entries, but change the next one.</summary>
    /// <param name="hasEnd">Whether the empty block at the end must be there. Engines read layers without it.</param>
    /// <exception cref="InvalidDataException">The tar is damaged.</exception>
    /// <exception cref="EndOfStreamException">The tar is cut short.</exception>
    public static async IAsyncEnumerable<TarFile> ReadAllAsync(Stream tar, bool hasEnd, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var header = new byte[Block];
        Dictionary<string, byte[]> records = [];
        var isEmpty = true;
        while (await tar.ReadAtLeastAsync(header, Block, throwOnEndOfStream: false, cancellationToken) is > 0 and var read)
        {
            if (read < Block)
            {
                throw new EndOfStreamException("a header ends too early");
            }

            if (!header.AsSpan().ContainsAnyExcept((byte)0))
            {
                yield break;
            }

            if (!IsStart(header))
            {
                throw new InvalidDataException("a header has a wrong checksum");
            }

            isEmpty = false;
            var type = (TarEntryType)header[156];
            var length = LengthOf(type, header, records);
            await using var content = new EntryStream(tar, length);
            switch (type)
            {
                case TarEntryType.ExtendedAttributes:
                    AddRecords(records, await ReadExtensionAsync(content, cancellationToken));
                    break;
                case TarEntryType.LongPath:
                    records["path"] = await ReadExtensionAsync(content, cancellationToken);
                    break;
                case TarEntryType.LongLink:
                    records["linkpath"] = await ReadExtensionAsync(content, cancellationToken);
                    break;
                case TarEntryType.GlobalExtendedAttributes:
                    break; // Engines ignore it.
                default:
                    var name = records.TryGetValue("path", out var path) ? Text(path) : NameOf(header);
                    yield return new(
                        name,
                        type is TarEntryType.V7RegularFile && name.EndsWith('/') ? TarEntryType.Directory : type,
                        length,
                        Text(records.TryGetValue("linkpath", out var target) ? target : header.AsSpan(157, 100)),
                        (int)((long)(Number(header.AsSpan(100, 8)) ?? 0) & ModeBits),
                        content);
                    records.Clear();
                    break;
            }

            await content.CopyToAsync(Stream.Null, cancellationToken);
            // The last entry may lack the bytes that fill up its block.
            var rest = (int)(-length & (Block - 1));
            await tar.ReadAtLeastAsync(header.AsMemory(0, rest), rest, throwOnEndOfStream: false, cancellationToken);
        }

        if (hasEnd && !isEmpty)
        {
            throw new EndOfStreamException("the end is missing");
        }
    }

    /// <summary>Whether a tar may start with these bytes, which is a block unless the whole tar is shorter.</summary>
    public static bool IsStart(ReadOnlySpan<byte> block)
    {
        if (block.Length < Block || !block.ContainsAnyExcept((byte)0))
        {
            return block.Length is 0 or Block;
        }

        // The sum of all bytes, with spaces in place of the sum itself. Old programs added signed bytes.
        var (unsigned, signed) = (8 * ' ', 8 * ' ');
        for (var i = 0; i < Block; i++)
        {
            if (i is < 148 or >= 156)
            {
                unsigned += block[i];
                signed += (sbyte)block[i];
            }
        }

        return Number(block.Slice(148, 8)) is { } sum && (sum == unsigned || sum == signed);
    }

    private static long LengthOf(TarEntryType type, ReadOnlySpan<byte> header, Dictionary<string, byte[]> records)
    {
        if (type is TarEntryType.HardLink or TarEntryType.SymbolicLink or TarEntryType.CharacterDevice or TarEntryType.BlockDevice
            or TarEntryType.Directory or TarEntryType.Fifo)
        {
            return 0; // no content follows, whatever the size says
        }

        var isExtension = type is TarEntryType.ExtendedAttributes or TarEntryType.GlobalExtendedAttributes
            or TarEntryType.LongPath or TarEntryType.LongLink;
        var size = isExtension || !records.TryGetValue("size", out var record)
            ? Number(header.Slice(124, 12))
            : long.TryParse(record, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
        return size >= 0 && size <= long.MaxValue
            ? (long)size
            : throw new InvalidDataException("the size of an entry is negative, too large or not a number");
    }

    private static async Task<byte[]> ReadExtensionAsync(EntryStream content, CancellationToken cancellationToken)
    {
        if (content.Length > ExtensionLimit)
        {
            throw new InvalidDataException("a PAX header or a long name is too large");
        }

        var bytes = new byte[content.Length];
        await content.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }

    /// <summary>Adds PAX records, such as <c>30 path=a\n</c> or <c>…SCHILY.xattr.security.capability=…\n</c>. A value may hold any byte, also line feeds.</summary>
    private static void AddRecords(Dictionary<string, byte[]> records, ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty)
        {
            // The number is the length of the whole record.
            var (space, equals) = (rest.IndexOf((byte)' '), rest.IndexOf((byte)'='));
            if (space < 0
                || !int.TryParse(rest[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || equals < space
                || length < equals + 2
                || length > rest.Length
                || rest[length - 1] != '\n')
            {
                throw new InvalidDataException("a PAX header has a record of a wrong length");
            }

            var name = Encoding.UTF8.GetString(rest[(space + 1)..equals]);
            var value = rest[(equals + 1)..(length - 1)];
            if (value.IsEmpty)
            {
                records.Remove(name); // The value in the header of the entry counts.
            }
            else
            {
                records[name] = value.ToArray();
            }

            rest = rest[length..];
        }
    }

    /// <summary>A name of up to 100 bytes; in POSIX's format with a folder of up to 155 bytes.</summary>
    private static string NameOf(ReadOnlySpan<byte> header) =>
        header[257..].StartsWith("ustar\0"u8) && header[345] != 0
            ? $"{Text(header.Slice(345, 155))}/{Text(header[..100])}"
            : Text(header[..100]);

    /// <summary>Names are bytes. Those that are not UTF-8 stay different from each other.</summary>
    private static string Text(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes.IndexOf((byte)0) is >= 0 and var end ? bytes[..end] : bytes;
        return (Utf8.IsValid(bytes) ? Encoding.UTF8 : Encoding.Latin1).GetString(bytes);
    }

    /// <summary>A number of a header. Null if it is not a number.</summary>
    private static Int128? Number(ReadOnlySpan<byte> field)
    {
        Int128 number = 0;
        if (field[0] >= 0x80)
        {
            // Base 256: a big-endian number whose highest bit is the mark, and whose second bit is the sign.
            number = (sbyte)(field[0] << 1) >> 1;
            foreach (var value in field[1..])
            {
                number = (number << 8) | value;
            }

            return number;
        }

        var digits = field.TrimStart(" \0"u8);
        foreach (var digit in digits.IndexOfAny(" \0"u8) is >= 0 and var end ? digits[..end] : digits)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return null;
            }

            number = (number * 8) + (digit - '0');
        }

        return number;
    }

    private sealed class EntryStream(Stream tar, long length) : ReadOnlyStream
    {
        private long _read;

        public override long Length => length;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await tar.ReadAsync(buffer[..(int)Math.Min(buffer.Length, length - _read)], cancellationToken);
            _read += read;
            return read > 0 || _read == length || buffer.IsEmpty ? read : throw new EndOfStreamException("the content of an entry ends too early");
        }
    }
}
