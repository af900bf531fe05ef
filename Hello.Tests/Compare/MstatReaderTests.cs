using System.Reflection.Metadata.Ecma335;
using Hello.Compare.Engine;
using Hello.Compare.Size;

namespace Hello.Tests;

/// <summary>The compiler's file of sizes is read correctly, or not at all.</summary>
public sealed class MstatReaderTests
{
    [Fact]
    public void A_method_counts_with_its_tables_for_its_namespace()
    {
        var mstat = new MstatBuilder();
        var type = mstat.Type("Shop", "Shop.Orders", "Order");
        mstat.AddMethod(mstat.Member(type, "Pay"), 1_000, gcInfo: 20, exceptions: 3).AddMethod(mstat.Member(type, "Send"), 5);
        mstat.AddMethod(mstat.Member(mstat.Type("Shop", "", "Program"), "Main"), 7);

        Assert.Equal(["Shop,,7", "Shop,Shop.Orders,1028"], Read(mstat));
    }

    [Fact]
    public void A_generic_instantiation_counts_for_its_definition()
    {
        var mstat = new MstatBuilder();
        var (list, order) = (mstat.Type("Base", "Base.Lists", "List`1"), mstat.Type("Shop", "Shop.Orders", "Order"));
        var orders = mstat.Type(t => t.GenericInstantiation(list, 1, isValueType: false).AddArgument().Type(order, isValueType: false));
        mstat.AddType(orders, 1).AddMethod(mstat.Member(orders, "Add"), 20).AddMethod(mstat.Instance(mstat.Member(list, "Cast"), order), 300);

        Assert.Equal(["Base,Base.Lists,321"], Read(mstat));
    }

    [Fact]
    public void An_array_counts_for_its_elements_and_a_nested_type_for_the_type_around_it()
    {
        var mstat = new MstatBuilder();
        var order = mstat.Type("Shop", "Shop.Orders", "Order");
        var line = mstat.Nested(mstat.Nested(order, "Lines"), "Line");
        mstat.AddType(mstat.Type(t => t.SZArray().SZArray().Type(line, isValueType: false)), 1);
        mstat.AddType(mstat.Type(t => t.Pointer().Type(order, isValueType: true)), 20);
        mstat.AddType(mstat.Type(t => t.Array(e => e.Type(order, isValueType: true), s => s.Shape(2, [], []))), 300);
        mstat.AddType(mstat.Type(t => t.SZArray().Int32()), 4_000);

        Assert.Equal(["Shop,Shop.Orders,321", "System.Private.CoreLib,System,4000"], Read(mstat));
    }

    [Fact]
    public void Data_without_an_assembly_has_a_name_of_its_own()
    {
        var mstat = new MstatBuilder().AddBlob("Metadata", 70_000).AddBlob("ArrayMap", 8);
        mstat.AddType(mstat.Type(t => t.FunctionPointer().Parameters(0, r => r.Void(), _ => { })), 1);

        Assert.Equal(["(native data),ArrayMap,8", "(native data),FunctionPointer,1", "(native data),Metadata,70000"], Read(mstat));
    }

    [Fact]
    public void Data_that_is_listed_in_detail_is_counted_once()
    {
        var mstat = new MstatBuilder().AddBlob("FieldRvaData", 100).AddBlob("ResourceData", 200).AddBlob("ArrayOfFrozenObjects", 300);
        var type = mstat.Type("Shop", "Shop.Orders", "Order");
        mstat.AddField(mstat.Member(type, "Bytes"), 100).AddResource("Shop", "Texts", 150).AddObject(mstat.Type("Base", "Base", "Text"), 40, owner: null).AddObject(type, 60, owner: type);

        Assert.Equal(["(native data),ArrayOfFrozenObjects,240", "(native data),ResourceData,50", "Shop,(resources),150", "Shop,Shop.Orders,160"], Read(mstat));
    }

    [Fact]
    public void Packed_data_counts_with_its_share_of_the_packed_bytes_and_zeros_do_not_count()
    {
        var mstat = new MstatBuilder().AddBlob("DehydratedData", 101).AddBlob("TypeGenericDictionary", 60).AddBlob("WritableData", 900).AddBlob("Metadata", 7);
        mstat.AddType(mstat.Type("Shop", "Shop.Orders", "Order"), 100).AddType(mstat.Type("Base", "Base", "Text"), 40);

        Assert.Equal(["(native data),DehydratedData,1", "(native data),Metadata,7", "(native data),TypeGenericDictionary,30", "Base,Base,20", "Shop,Shop.Orders,50"], Read(mstat));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(int.MaxValue)]
    public void Every_length_of_a_number_is_read(int size) =>
        Assert.Equal(size == 0 ? [] : [$"(native data),Metadata,{size}"], Read(new MstatBuilder().AddBlob("Metadata", size)));

    [Fact]
    public void A_format_that_is_not_known_is_a_clear_error() =>
        Assert.Equal("The compiler's .mstat file is damaged, or in a form that is not known here: its version is 3.0.0.0, not 2.", Error(new MstatBuilder { Version = new(3, 0, 0, 0) }.ToArray()));

    [Theory]
    [InlineData("Methods")]
    [InlineData("Types")]
    [InlineData("Blobs")]
    [InlineData("RvaFields")]
    [InlineData("FrozenObjects")]
    [InlineData("ManifestResources")]
    public void A_missing_part_is_named(string name)
    {
        var mstat = new MstatBuilder();
        mstat.Sections.Remove(name);

        Assert.EndsWith($": it has no {name}.", Error(mstat.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_larger_than_the_whole_are_a_clear_error()
    {
        var mstat = new MstatBuilder().AddBlob("ResourceData", 10).AddResource("Shop", "Texts", 11);

        Assert.EndsWith(": the parts of ResourceData are larger than the whole.", Error(mstat.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_negative_size_is_a_clear_error() =>
        Assert.EndsWith(": a size is negative.", Error(new MstatBuilder().AddBlob("Metadata", -1).ToArray()), StringComparison.Ordinal);

    [Fact]
    public void Types_nested_in_a_circle_are_a_clear_error()
    {
        var mstat = new MstatBuilder();
        mstat.AddType(mstat.Nested(MetadataTokens.TypeReferenceHandle(1), "Order"), 1);

        Assert.EndsWith(": types are nested without end.", Error(mstat.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_short_is_a_clear_error_unless_only_its_padding_is_missing()
    {
        var file = Everything();
        for (var length = 0; length < file.Length; length++)
        {
            var (sizes, _) = Try(file[..length]);
            Assert.True(sizes is null || sizes.SequenceEqual(Try(file).Sizes!), $"Cut at {length} it was read.");
        }
    }

    [Fact]
    public void A_changed_byte_anywhere_fails_in_no_other_way()
    {
        var file = Everything();
        for (var i = 0; i < file.Length; i++)
        {
            foreach (var value in new byte[] { 0, 1, (byte)(file[i] ^ 0x80), 0xFF })
            {
                Try([.. file[..i], value, .. file[(i + 1)..]]);
            }
        }
    }

    private static byte[] Everything()
    {
        var mstat = new MstatBuilder().AddBlob("DehydratedData", 500).AddBlob("ArrayOfFrozenObjects", 300).AddBlob("FieldRvaData", 100).AddBlob("ResourceData", 200);
        var (list, order) = (mstat.Type("Base", "Base.Lists", "List`1"), mstat.Nested(mstat.Type("Shop", "Shop.Orders", "Order"), "Line"));
        var orders = mstat.Type(t => t.GenericInstantiation(list, 1, isValueType: false).AddArgument().Type(order, isValueType: false));
        return mstat
            .AddMethod(mstat.Instance(mstat.Member(orders, "Add"), order), 1_000, 20, 3).AddType(orders, 400).AddType(mstat.Type(t => t.SZArray().Type(order, isValueType: false)), 50)
            .AddField(mstat.Member(order, "Bytes"), 100).AddObject(order, 60, owner: orders).AddObject(order, 60, owner: null).AddResource("Shop", "Texts", 150)
            .ToArray();
    }

    private static IEnumerable<string> Read(MstatBuilder mstat) => Describe(MstatReader.Read(mstat.ToArray()));

    private static IEnumerable<string> Describe(IReadOnlyDictionary<(string Assembly, string Namespace), long> sizes) =>
        sizes.Select(s => $"{s.Key.Assembly},{s.Key.Namespace},{s.Value}").Order(StringComparer.Ordinal);

    private static string Error(byte[] file)
    {
        var (sizes, error) = Try(file);
        Assert.True(error is not null, $"It was read: {string.Join(' ', sizes ?? [])}");
        return error;
    }

    /// <summary>The sizes, or one line that says why there are none. Any other exception fails the test.</summary>
    private static (string[]? Sizes, string? Error) Try(byte[] file)
    {
        try
        {
            return ([.. Describe(MstatReader.Read(file))], null);
        }
        catch (MeasurementException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return (null, e.Message);
        }
    }
}
