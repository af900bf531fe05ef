using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Hello.Compare.Engine;

namespace Hello.Compare.Size;

/// <summary>Reads the .mstat file of the Native AOT compiler, which tells the size of every method, type and blob in the binary.</summary>
/// <remarks>
/// The file is an assembly. Its version is the version of the format. Its global methods hold data in the form of IL. For example,
/// Methods has for each method: <c>ldtoken method; ldc.i4 size; ldc.i4 GC info; ldc.i4 exception handling info; ldc.i4 name</c>.
/// Since version 2.1, RvaFields, ManifestResources and FrozenObjects list parts of Blobs in detail:
/// https://github.com/dotnet/runtime/blob/main/src/coreclr/tools/aot/ILCompiler.Compiler/Compiler/MstatObjectDumper.cs.
/// </remarks>
internal sealed class MstatReader
{
    /// <summary>Takes the place of an assembly for data that belongs to none. Its namespaces are the compiler's kinds of data.</summary>
    public const string NativeData = "(native data)";

    private const string Resources = "ResourceData", Fields = "FieldRvaData", Objects = "ArrayOfFrozenObjects";

    /// <summary>Kinds of data whose sizes are those in memory, as are the sizes of types. The binary holds them packed, as <see cref="Packed"/>.</summary>
    private static readonly HashSet<string> Unpacked =
    [
        Objects, "FatFunctionPointer", "GCStaticEEType", "InterfaceDispatchCellSection", "MethodGenericDictionary", "NonGCStatics",
        "RuntimeMethodHandle", "TypeGenericDictionary", "TypeThreadStaticIndex",
    ];

    /// <summary>The packed data: https://github.com/dotnet/runtime/blob/main/src/coreclr/tools/aot/ILCompiler.Compiler/Compiler/DependencyAnalysis/DehydratedDataNode.cs.</summary>
    private const string Packed = "DehydratedData";

    /// <summary>The section .bss. It consists of zeros, which the binary does not contain.</summary>
    private const string Zeros = "WritableData";

    private readonly PEReader _file;
    private readonly MetadataReader _metadata;
    private readonly Dictionary<(string Assembly, string Namespace), long> _bytes = [];
    private readonly Dictionary<(string Assembly, string Namespace), long> _unpacked = [];

    private MstatReader(PEReader file)
    {
        _file = file;
        _metadata = file.GetMetadataReader();
    }

    /// <summary>Counts the bytes of the binary by assembly and namespace.</summary>
    /// <returns>The bytes. Data that is packed counts with its share of the packed bytes.</returns>
    /// <exception cref="MeasurementException">The file is damaged or in a form that is not supported.</exception>
    public static IReadOnlyDictionary<(string Assembly, string Namespace), long> Read(byte[] file)
    {
        try
        {
            using var assembly = new PEReader(new MemoryStream(file));
            return new MstatReader(assembly).Read();
        }
        catch (Exception e) when (e is BadImageFormatException or InvalidOperationException or InvalidCastException or ArgumentException or OverflowException)
        {
            throw new MeasurementException($"The compiler's .mstat file is damaged, or in a form that is not known here: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private Dictionary<(string Assembly, string Namespace), long> Read()
    {
        if (_metadata.GetAssemblyDefinition().Version is { Major: not 2 } version)
        {
            throw new BadImageFormatException($"its version is {version}, not 2.");
        }

        for (var il = Section("Methods"); il.RemainingBytes > 0; ReadNumber(ref il))
        {
            Add(_bytes, OwnerOf(ReadToken(ref il)), ReadSize(ref il) + ReadSize(ref il) + ReadSize(ref il));
        }

        for (var il = Section("Types"); il.RemainingBytes > 0; ReadNumber(ref il))
        {
            Add(_unpacked, OwnerOf(ReadToken(ref il)), ReadSize(ref il));
        }

        Dictionary<string, long> blobs = [];
        for (var il = Section("Blobs"); il.RemainingBytes > 0;)
        {
            blobs.Add(ReadString(ref il), ReadSize(ref il));
        }

        for (var il = Section("RvaFields"); il.RemainingBytes > 0; ReadNumber(ref il))
        {
            Move(Fields, _bytes, OwnerOf(ReadToken(ref il)), ReadSize(ref il));
        }

        for (var il = Section("ManifestResources"); il.RemainingBytes > 0;)
        {
            var assembly = AssemblyOf(HandleOf(ReadNumber(ref il)));
            ReadString(ref il);
            Move(Resources, _bytes, (assembly, "(resources)"), ReadSize(ref il));
        }

        for (var il = Section("FrozenObjects"); il.RemainingBytes > 0;)
        {
            ReadToken(ref il);
            var size = ReadSize(ref il);
            ReadNumber(ref il);
            // The type whose static field refers to the object. It is zero for an object that code refers to, such as a string literal.
            if (PeekOpCode(il) == ILOpCode.Ldtoken)
            {
                Move(Objects, _unpacked, OwnerOf(ReadToken(ref il)), size);
            }
            else
            {
                ReadNumber(ref il);
            }
        }

        blobs.Remove(Zeros);
        var packed = blobs.Remove(Packed, out var found) ? found : (long?)null;
        foreach (var (kind, size) in blobs.Where(b => b.Value != 0))
        {
            Add(Unpacked.Contains(kind) ? _unpacked : _bytes, (NativeData, kind), size > 0 ? size : throw new BadImageFormatException($"the parts of {kind} are larger than the whole."));
        }

        Pack(packed);
        return _bytes;

        void Move(string kind, Dictionary<(string, string), long> to, (string, string) owner, int size)
        {
            blobs[kind] = blobs.GetValueOrDefault(kind) - size;
            Add(to, owner, size);
        }
    }

    /// <summary>Counts unpacked data with its share of the packed bytes, or in full if the binary has none.</summary>
    private void Pack(long? packed)
    {
        var (rest, whole) = (packed ?? 0, _unpacked.Values.Sum());
        foreach (var (owner, size) in _unpacked)
        {
            var share = packed is { } bytes && size > 0 ? checked(size * bytes) / whole : size;
            Add(_bytes, owner, share);
            rest -= share;
        }

        if (packed is not null)
        {
            Add(_bytes, (NativeData, Packed), rest); // the rest that the divisions left over
        }
    }

    private BlobReader Section(string name)
    {
        foreach (var method in _metadata.GetTypeDefinition(MetadataTokens.TypeDefinitionHandle(1)).GetMethods().Select(_metadata.GetMethodDefinition))
        {
            if (_metadata.StringComparer.Equals(method.Name, name))
            {
                return _file.GetMethodBody(method.RelativeVirtualAddress).GetILReader();
            }
        }

        throw new BadImageFormatException($"it has no {name}.");
    }

    /// <summary>Assembly and namespace of a method, field or type. A generic instantiation counts for its definition, an array for its elements.</summary>
    private (string Assembly, string Namespace) OwnerOf(EntityHandle handle) => handle.Kind switch
    {
        HandleKind.MethodSpecification => OwnerOf(_metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method),
        HandleKind.MemberReference => OwnerOf(_metadata.GetMemberReference((MemberReferenceHandle)handle).Parent),
        HandleKind.TypeSpecification => OwnerOf(_metadata.GetBlobReader(_metadata.GetTypeSpecification((TypeSpecificationHandle)handle).Signature)),
        HandleKind.TypeReference => OwnerOf((TypeReferenceHandle)handle),
        _ => throw new BadImageFormatException($"it refers to a {handle.Kind}."),
    };

    private (string Assembly, string Namespace) OwnerOf(TypeReferenceHandle handle)
    {
        var type = _metadata.GetTypeReference(handle);
        // Bounded, because in a damaged file types can be nested in a circle.
        for (var depth = 0; depth < 100; depth++)
        {
            if (type.ResolutionScope.Kind != HandleKind.TypeReference)
            {
                return (AssemblyOf(type.ResolutionScope), _metadata.GetString(type.Namespace));
            }

            type = _metadata.GetTypeReference((TypeReferenceHandle)type.ResolutionScope);
        }

        throw new BadImageFormatException("types are nested without end.");
    }

    /// <summary>Assembly and namespace of the first type in a signature: ECMA-335, II.23.2.12.</summary>
    private (string Assembly, string Namespace) OwnerOf(BlobReader signature)
    {
        while (true)
        {
            switch (signature.ReadSignatureTypeCode())
            {
                case SignatureTypeCode.Array or SignatureTypeCode.SZArray or SignatureTypeCode.Pointer or SignatureTypeCode.ByReference or SignatureTypeCode.GenericTypeInstance:
                    break; // the element type or the definition comes next
                case SignatureTypeCode.TypeHandle when signature.ReadTypeHandle() is { Kind: HandleKind.TypeReference } type:
                    return OwnerOf((TypeReferenceHandle)type);
                case SignatureTypeCode.FunctionPointer:
                    return (NativeData, "FunctionPointer");
                case (>= SignatureTypeCode.Void and <= SignatureTypeCode.String) or SignatureTypeCode.TypedReference or SignatureTypeCode.IntPtr or SignatureTypeCode.UIntPtr or SignatureTypeCode.Object:
                    return ("System.Private.CoreLib", "System");
                case var other:
                    throw new BadImageFormatException($"a type begins with {other}.");
            }
        }
    }

    private string AssemblyOf(EntityHandle handle) => handle.Kind == HandleKind.AssemblyReference
        ? _metadata.GetString(_metadata.GetAssemblyReference((AssemblyReferenceHandle)handle).Name)
        : throw new BadImageFormatException($"it has a {handle.Kind} for an assembly.");

    private static void Add(Dictionary<(string, string), long> bytes, (string, string) owner, long size) => bytes[owner] = bytes.GetValueOrDefault(owner) + size;

    private static EntityHandle ReadToken(ref BlobReader il)
    {
        Expect(ILOpCode.Ldtoken, ref il);
        return HandleOf(il.ReadInt32());
    }

    /// <summary>Refuses negative tokens. The metadata reader uses them for objects that are in no file.</summary>
    private static EntityHandle HandleOf(int token) => token >= 0 ? MetadataTokens.EntityHandle(token) : throw new BadImageFormatException("a token is negative.");

    private string ReadString(ref BlobReader il)
    {
        Expect(ILOpCode.Ldstr, ref il);
        return _metadata.GetUserString((UserStringHandle)MetadataTokens.Handle(il.ReadInt32()));
    }

    private static int ReadSize(ref BlobReader il) => ReadNumber(ref il) is >= 0 and var size ? size : throw new BadImageFormatException("a size is negative.");

    private static int ReadNumber(ref BlobReader il) => (ILOpCode)il.ReadByte() switch
    {
        >= ILOpCode.Ldc_i4_m1 and <= ILOpCode.Ldc_i4_8 and var code => (int)code - (int)ILOpCode.Ldc_i4_0,
        ILOpCode.Ldc_i4_s => il.ReadSByte(),
        ILOpCode.Ldc_i4 => il.ReadInt32(),
        var other => throw new BadImageFormatException($"a number begins with {other}."),
    };

    private static void Expect(ILOpCode code, ref BlobReader il)
    {
        if ((ILOpCode)il.ReadByte() is var found && found != code)
        {
            throw new BadImageFormatException($"it has {found} in the place of {code}.");
        }
    }

    /// <summary>Reads from a copy, because the reader is a structure.</summary>
    private static ILOpCode PeekOpCode(BlobReader il) => (ILOpCode)il.ReadByte();
}
