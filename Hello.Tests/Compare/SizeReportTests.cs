using Hello.Compare.Engine;
using Hello.Compare.Images;
using Hello.Compare.Size;

namespace Hello.Tests;

/// <summary>What a size report says and how it is written. The figures here are made up.</summary>
public sealed class SizeReportTests
{
    private static readonly SizeConditions Anywhere = new("linux-musl-x64", "10.0.100");

    private static readonly SizeReport Earlier = Of(1_000_000, ("Shop", "Shop.Orders", 100_000), ("Shop", "Shop.Old", 50_000), ("Base", "Base", 300_000), ("Base", "Base.Same", 10));

    private static readonly SizeReport Later = Of(1_100_000, ("Shop", "Shop.Orders", 90_000), ("Shop", "Shop.New", 40_000), ("Base", "Base", 350_000), ("Base", "Base.Same", 10));

    [Fact]
    public void It_adds_up_to_the_binary()
    {
        Assert.Equal(549_990, Assert.Single(Earlier.Assemblies["(native code and the rest)"]).Value);
        Assert.Equal(1_000_000, Earlier.Assemblies.Values.SelectMany(n => n.Values).Sum());
    }

    [Fact]
    public void More_than_the_binary_is_a_clear_error()
    {
        var error = Assert.Throws<MeasurementException>(() => Of(99, ("Shop", "Shop.Orders", 100)));

        Assert.StartsWith("The compiler's .mstat file accounts for 1 bytes more than the binary's 99: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void New_gone_grown_shrunk_and_the_same_are_told_apart() => Assert.Equal(
        [
            new("(native code and the rest)", "", 619_990, 70_000), new("Base", "Base", 350_000, 50_000), new("Base", "Base.Same", 10, 0),
            new("Shop", "Shop.New", 40_000, 40_000), new("Shop", "Shop.Old", 0, -50_000), new("Shop", "Shop.Orders", 90_000, -10_000),
        ],
        Later.ChangesSince(Earlier).OrderBy(c => c.Assembly, StringComparer.Ordinal).ThenBy(c => c.Namespace, StringComparer.Ordinal));

    [Fact]
    public void The_changes_add_up_to_that_of_the_binary() => Assert.Equal(Later.Bytes - Earlier.Bytes, Later.ChangesSince(Earlier).Sum(c => c.Change));

    [Fact]
    public void Within_its_budget_there_is_nothing_to_explain() => Assert.Null((Later with { Budget = 1_100_000 }).ExplainExcess(Earlier));

    [Fact]
    public void Over_its_budget_the_five_that_have_grown_most_are_named()
    {
        var report = Of(2_000_000, [.. Enumerable.Range(1, 7).Select(i => ("Shop", $"Shop.N{i}", i * 1_000L)), ("Base", "Base", 299_000)]) with { Budget = 1_999_999 };

        Assert.Equal(
            "The binary has 2,000,000 bytes, 1 more than its budget of 1,999,999 for linux-musl-x64. These have grown most: "
            + "Shop.N7 (Shop) +7,000, Shop.N6 (Shop) +6,000, Shop.N5 (Shop) +5,000, Shop.N4 (Shop) +4,000, Shop.N3 (Shop) +3,000. "
            + "See all with: dotnet run --project Hello.Compare -- size",
            report.ExplainExcess(Earlier));
    }

    [Fact]
    public void Over_its_budget_by_native_code_alone_it_says_so() =>
        Assert.Contains(": no namespace. ", (Earlier with { Budget = 1 }).ExplainExcess(Earlier), StringComparison.Ordinal);

    [Fact]
    public void The_table_has_the_largest_first_and_the_changes_in_a_column_of_their_own() => Assert.Equal(
        """
                                        bytes    change
        (native code and the rest)    619,990   +70,000
        Base                          350,010   +50,000
          Base                        350,000   +50,000
        Shop                          130,000   -20,000
          Shop.Orders                  90,000   -10,000
          Shop.New                     40,000   +40,000
          Shop.Old                          0   -50,000
        Total                       1,100,000  +100,000

        Budget: 1,200,000 bytes, of which 100,000 are left
        Published for linux-musl-x64 with SDK 10.0.100

        """,
        SizeTable.Write(Later, Earlier));

    [Fact]
    public void Where_nothing_has_changed_the_column_is_empty() =>
        Assert.All(SizeTable.Write(Later, Later).Split('\n')[1..^4], line => Assert.DoesNotMatch("[+-]", line));

    [Fact]
    public void Another_SDK_is_named() =>
        Assert.EndsWith("\nThe earlier figures are of SDK 10.0.99: it explains some of the changes.\n", SizeTable.Write(Later, Earlier with { Conditions = Anywhere with { Sdk = "10.0.99" } }), StringComparison.Ordinal);

    [Fact]
    public async Task Written_and_read_it_is_the_same_and_sorted()
    {
        var path = Path.GetTempFileName();
        try
        {
            await Of(1_000, ("b", "<x>", 1), ("a", "", 2), ("B", "ä", 3)).WriteAsync(path, CancellationToken.None);
            var text = await File.ReadAllTextAsync(path);
            await (await SizeReport.ReadAsync(path, CancellationToken.None))!.WriteAsync(path, CancellationToken.None);

            Assert.Equal(text, await File.ReadAllTextAsync(path));
            Assert.Equal(
                """
                {
                  "budget": 1200000,
                  "bytes": 1000,
                  "conditions": {
                    "rid": "linux-musl-x64",
                    "sdk": "10.0.100"
                  },
                  "assemblies": {
                    "(native code and the rest)": {
                      "": 994
                    },
                    "B": {
                      "ä": 3
                    },
                    "a": {
                      "": 2
                    },
                    "b": {
                      "<x>": 1
                    }
                  }
                }

                """,
                text);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"budget":"much","bytes":1,"conditions":{"rid":"","sdk":""},"assemblies":{}}""")]
    [InlineData("""{"bytes":1,"conditions":{"rid":"","sdk":""},"assemblies":{}}""")]
    [InlineData("""{"budget":1,"bytes":1,"conditions":null,"assemblies":{}}""")]
    [InlineData("""{"budget":1,"bytes":1,"conditions":{"rid":"","sdk":""},"assemblies":{"Shop":null}}""")]
    public async Task A_file_that_is_no_report_is_a_clear_error(string text)
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, text);
            var error = await Assert.ThrowsAsync<MeasurementException>(() => SizeReport.ReadAsync(path, CancellationToken.None));

            Assert.StartsWith($"{path} is not a valid size report (", error.Message, StringComparison.Ordinal);
            Assert.EndsWith($"). Restore it with: git checkout {path}", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_platform_without_a_file_has_no_report_and_its_table_says_how_to_write_one()
    {
        Assert.Null(await SizeReport.ReadAsync(SizeReport.PathOf("/nowhere", "linux-musl-x64"), CancellationToken.None));

        var table = SizeTable.Write(Later with { Budget = null }, earlier: null);
        Assert.EndsWith(
            """

            Budget: none has been set for linux-musl-x64
            Published for linux-musl-x64 with SDK 10.0.100
            There are no figures for linux-musl-x64 yet. 'size --update' writes them.

            """,
            table,
            StringComparison.Ordinal);
        Assert.Null((Later with { Budget = null }).ExplainExcess(Later));
    }

    [Fact]
    public async Task Each_committed_report_adds_up_within_its_budget_and_has_the_name_of_its_platform()
    {
        var files = Directory.GetFiles(Path.Combine(RepositoryFolder.Find(), "Hello.Api", "Size"));
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            var report = await SizeReport.ReadAsync(file, CancellationToken.None);

            Assert.NotNull(report);
            Assert.Equal($"{report.Conditions.Rid}.json", Path.GetFileName(file));
            Assert.Equal(report.Bytes, report.Assemblies.Values.SelectMany(n => n.Values).Sum());
            Assert.True(report.Budget is null || report.Bytes <= report.Budget, $"{file} has {report.Bytes:N0} bytes and a budget of {report.Budget:N0}.");
        }
    }

    private static SizeReport Of(long bytes, params (string Assembly, string Namespace, long Bytes)[] sizes) =>
        SizeReport.Of(sizes.ToDictionary(s => (s.Assembly, s.Namespace), s => s.Bytes), bytes, budget: 1_200_000, Anywhere);
}
