using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Hello.Tests;

/// <summary>Makes small files such as the Native AOT compiler writes about the sizes in a binary, *.mstat.</summary>
internal sealed class MstatBuilder
{
    private readonly MetadataBuilder _metadata = new();
    private readonly Dictionary<string, AssemblyReferenceHandle> _assemblies = [];
    private int _names;

    /// <summary>What the global methods hold, by their names.</summary>
    public OrderedDictionary<string, InstructionEncoder> Sections { get; } = new(
        new[] { "Methods", "Types", "Blobs", "RvaFields", "FrozenObjects", "ManifestResources" }.Select(n => KeyValuePair.Create(n, new InstructionEncoder(new BlobBuilder()))));

    /// <summary>Version of the format.</summary>
    public Version Version { get; init; } = new(2, 2);

    /// <summary>A type of another assembly.</summary>
    public EntityHandle Type(string assembly, string @namespace, string name) => TypeIn(Assembly(assembly), @namespace, name);

    /// <summary>A type within a type, which has no namespace of its own.</summary>
    public EntityHandle Nested(EntityHandle type, string name) => TypeIn(type, "", name);

    /// <summary>A type made of others.</summary>
    public EntityHandle Type(Action<SignatureTypeEncoder> make)
    {
        var signature = new BlobBuilder();
        make(new BlobEncoder(signature).TypeSpecificationSignature());
        return _metadata.AddTypeSpecification(_metadata.GetOrAddBlob(signature));
    }

    /// <summary>A method or field of a type.</summary>
    public EntityHandle Member(EntityHandle type, string name) => _metadata.AddMemberReference(type, _metadata.GetOrAddString(name), _metadata.GetOrAddBlob(new byte[] { 0, 0, 1 }));

    /// <summary>A generic method with a type for its parameter.</summary>
    public EntityHandle Instance(EntityHandle method, EntityHandle argument)
    {
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSpecificationSignature(1).AddArgument().Type(argument, isValueType: false);
        return _metadata.AddMethodSpecification(method, _metadata.GetOrAddBlob(signature));
    }

    /// <summary>A method's code, its table for the garbage collector and that for exceptions.</summary>
    public MstatBuilder AddMethod(EntityHandle method, int size, int gcInfo = 0, int exceptions = 0) => Add("Methods", method, size, gcInfo, exceptions, _names++);

    /// <summary>What the runtime knows of a type.</summary>
    public MstatBuilder AddType(EntityHandle type, int size) => Add("Types", type, size, _names++);

    /// <summary>All data of a kind.</summary>
    public MstatBuilder AddBlob(string kind, int size) => Add("Blobs", kind, size);

    /// <summary>The data of a static field.</summary>
    public MstatBuilder AddField(EntityHandle field, int size) => Add("RvaFields", field, size, _names++);

    /// <summary>An object made at build time, and the type whose field has it.</summary>
    public MstatBuilder AddObject(EntityHandle type, int size, EntityHandle? owner) => Add("FrozenObjects", type, size, _names++, owner is { } o ? o : 0);

    /// <summary>A resource of an assembly.</summary>
    public MstatBuilder AddResource(string assembly, string name, int size) => Add("ManifestResources", MetadataTokens.GetToken(Assembly(assembly)), name, size);

    /// <summary>Writes tokens, numbers and texts as instructions.</summary>
    public MstatBuilder Add(string section, params object[] values)
    {
        var il = Sections[section];
        foreach (var value in values)
        {
            switch (value)
            {
                case EntityHandle handle:
                    il.OpCode(ILOpCode.Ldtoken);
                    il.Token(handle);
                    break;
                case string text:
                    il.LoadString(_metadata.GetOrAddUserString(text));
                    break;
                default:
                    il.LoadConstantI4((int)value);
                    break;
            }
        }

        return this;
    }

    /// <summary>Makes the file. It can be called once.</summary>
    public byte[] ToArray()
    {
        _metadata.AddModule(0, _metadata.GetOrAddString("Hello.mstat"), _metadata.GetOrAddGuid(Guid.Empty), default, default);
        _metadata.AddAssembly(_metadata.GetOrAddString("Hello"), Version, default, default, default, default);
        _metadata.AddTypeDefinition(default, default, _metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        var bodies = new MethodBodyStreamEncoder(new BlobBuilder());
        foreach (var (name, il) in Sections)
        {
            _metadata.AddMethodDefinition(
                MethodAttributes.Static, default, _metadata.GetOrAddString(name), _metadata.GetOrAddBlob(new byte[] { 0, 0, 1 }), bodies.AddMethodBody(il), default);
        }

        var file = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(_metadata), bodies.Builder).Serialize(file);
        return file.ToArray();
    }

    private AssemblyReferenceHandle Assembly(string name) => _assemblies.TryGetValue(name, out var known)
        ? known
        : _assemblies[name] = _metadata.AddAssemblyReference(_metadata.GetOrAddString(name), new(1, 0), default, default, default, default);

    private TypeReferenceHandle TypeIn(EntityHandle scope, string @namespace, string name) =>
        _metadata.AddTypeReference(scope, _metadata.GetOrAddString(@namespace), _metadata.GetOrAddString(name));
}
