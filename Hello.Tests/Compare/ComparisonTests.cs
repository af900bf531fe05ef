using System.Text.RegularExpressions;
using Hello.Compare.Comparison;
using Hello.Compare.Engine;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>How the comparison is written. The figures here are made up.</summary>
public sealed class ComparisonTests
{
    private static readonly Conditions Anywhere = new(new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), "a <fast> machine", "docker 28", "by hand", ["registry/base:1"]);

    private static readonly Measurements Large = Image("alpine", bytes: 8_000, firstHello: 250, uid: 0);
    private static readonly Measurements Small = Image("scratch", bytes: 1_000, firstHello: 50, uid: 10001);

    [Fact]
    public void The_headline_compares_the_last_build_with_the_first() =>
        Assert.Equal("scratch is 1/8 of the alpine image, starts 5 times as fast, runs as UID 10001", Result(Large, Small).Headline);

    [Fact]
    public void The_headline_does_not_flatter() =>
        Assert.Equal("alpine is 8.0× the scratch image, takes 5 times as long to start, runs as UID 0", Result(Small, Large).Headline);

    [Fact]
    public void The_headline_leaves_out_figures_that_were_not_measured() =>
        Assert.Equal("scratch could not be measured", Result(Large, new Measurements(Small.Name)).Headline);

    [Fact]
    public void A_row_has_the_figure_and_the_ratio_to_the_first() =>
        Assert.Contains("\n| Unpacked size | 8.0 kB | 1.0 kB (0.12×) |\n", ComparisonMarkdown.Write(Result(Large, Small)), StringComparison.Ordinal);

    [Fact]
    public void A_figure_that_was_not_measured_is_a_dash_without_a_ratio() =>
        Assert.Contains("\n| Unpacked size | 8.0 kB | – |\n", ComparisonMarkdown.Write(Result(Large, new Measurements(Small.Name))), StringComparison.Ordinal);

    [Fact]
    public void The_columns_in_the_terminal_are_aligned()
    {
        var lines = new Table(["", "alpine", "scratch"], ComparisonTable.Rows([Large, Small])).ToText().TrimEnd('\n').Split('\n');

        Assert.Equal(Figure.All.Count + 1, lines.Length);
        Assert.Single(lines.Select(l => l.Length).Distinct());
    }

    [Fact]
    public void The_page_needs_no_other_file()
    {
        var page = ComparisonPage.Write(Result(Large, Small));

        Assert.DoesNotMatch(new Regex(@"<(script|link|img|iframe)|url\(|@import|\bhttps?://", RegexOptions.IgnoreCase), page);
        Assert.DoesNotContain("{{", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_is_well_formed_and_measured_texts_cannot_change_its_markup()
    {
        var page = ComparisonPage.Write(Result(Large, Small) with { Failures = ["<b>broken</b> & gone"] });

        // HTML that closes its elements is XML, except for the doctype and the void elements.
        var xml = Regex.Replace(page.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal), "<(meta[^>]*)>", "<$1/>");
        var document = System.Xml.Linq.XDocument.Parse(xml);
        Assert.Contains(document.Descendants("dd"), d => d.Value == "a <fast> machine");
        Assert.Contains(document.Descendants("p"), p => p.Value == "Not measured: <b>broken</b> & gone");
        Assert.Equal(["alpine", "scratch"], document.Descendants("thead").First().Descendants("th").Select(h => h.Value).Where(h => h.Length > 0));
    }

    [Fact]
    public void The_bars_are_as_long_as_the_figures_are_large()
    {
        var bars = Regex.Matches(ComparisonPage.Write(Result(Large, Small)).Split("</figure>")[0], @"class=""bar"" style=""width:([\d.]+)%""").Select(m => m.Groups[1].Value);

        Assert.Equal(["100", "12.5"], bars);
    }

    [Fact]
    public void A_bar_shows_the_lowest_and_the_highest_value_and_all_bars_of_a_figure_have_one_scale()
    {
        var ranged = Large with { Ranges = new Dictionary<string, (double, double)> { [Figure.FirstHello.Name] = (200, 500) } };
        var chart = Assert.Single(ComparisonPage.Write(Result(ranged, Small)).Split("<figure>"), c => c.StartsWith($"<figcaption>{Figure.FirstHello.Name} ", StringComparison.Ordinal));

        Assert.Contains("class=\"spread\" style=\"left:40%;width:60%\"", chart, StringComparison.Ordinal);
        Assert.Equal(["50", "10"], Regex.Matches(chart, @"class=""bar"" style=""width:([\d.]+)%""").Select(m => m.Groups[1].Value));
    }

    [Theory]
    [InlineData(10_538_264, 10_538_311, "10,538,264 B", "10,538,311 B (1.0×)")]
    [InlineData(10_538_264, 10_538_264, "10.5 MB", "10.5 MB (1.0×)")]
    [InlineData(10_538_264, 125_585_613, "10.5 MB", "125.6 MB (12×)")]
    public void Sizes_have_all_digits_only_where_they_differ_and_would_look_the_same(long one, long other, string first, string second) =>
        Assert.Equal([first, second], Figure.UnpackedSize.Cells([Image("one", one, 1, 0), Image("other", other, 1, 0)]));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_000, "1.0 kB")]
    [InlineData(999_949, "999.9 kB")]
    [InlineData(999_950, "1.0 MB")]
    [InlineData(11_700_000, "11.7 MB")]
    [InlineData(999_950_000, "1.00 GB")]
    [InlineData(3_000_000_000, "3.00 GB")]
    public void Sizes_are_written_as_people_say_them(long bytes, string text) => Assert.Equal(text, Format.Bytes(bytes));

    [Fact]
    public void The_figures_of_the_walkthrough_are_apart_from_the_measured_ones()
    {
        var page = ComparisonPage.Write(Result(Large, Small));
        var reference = page.IndexOf("For reference: the walkthrough in Go", StringComparison.Ordinal);

        Assert.All(["230 MB", "6,815,744 B", "6,815,791 B"], figure => Assert.True(page.IndexOf(figure, StringComparison.Ordinal) > reference && reference > 0, figure));
    }

    [Fact]
    public void The_table_goes_between_the_markers_of_the_readme() =>
        Assert.Equal(
            "# Hello\n<!-- comparison -->\n\nnew\n\n<!-- /comparison -->\nrest\n",
            MarkedPart.Replace("# Hello\n<!-- comparison -->\nold\n<!-- /comparison -->\nrest\n", "README.md", MarkedPart.Comparison, "new\n"));

    [Fact]
    public void A_readme_keeps_its_line_ends() =>
        Assert.Equal(
            "# Hello\r\n<!-- comparison -->\r\n\r\n| a |\r\n| b |\r\n\r\n<!-- /comparison -->\r\nrest\r\n",
            MarkedPart.Replace("# Hello\r\n<!-- comparison -->\r\nold\r\n<!-- /comparison -->\r\nrest\r\n", "README.md", MarkedPart.Comparison, "| a |\n| b |\n"));

    [Theory]
    [InlineData("# Hello\n")]
    [InlineData("<!-- /comparison -->\n<!-- comparison -->\n")]
    [InlineData("<!-- comparison -->\n<!-- comparison -->\n<!-- /comparison -->\n")]
    public void A_readme_without_its_markers_is_a_clear_error(string readme) =>
        Assert.Equal(
            "README.md must have the lines '<!-- comparison -->' and '<!-- /comparison -->' once each, in this order.",
            Assert.Throws<MeasurementException>(() => MarkedPart.Replace(readme, "README.md", MarkedPart.Comparison, "new\n")).Message);

    private static ComparisonResult Result(params Measurements[] images) => new(images, [], Anywhere, LeftBehind: false);

    private static Measurements Image(string name, long bytes, double firstHello, int uid) => new(name)
    {
        Image = new(bytes, bytes / 2, Layers: 1, Files: 1, User: "root", Shells: [], PackageManagers: [], IsStatic: true, Base: "scratch", StandIns: [], Platform: "linux/amd64", Ports: [],
            new([new(bytes, 1, "COPY app /")], [new("app", bytes)], [new("old", bytes, 1)], bytes, SetUid: ["bin/su"], WorldWritable: ["tmp/open"], IsCompressedEstimated: false)),
        Process = new ProcessFacts(uid, uid, [], 1_000_000, 2_000_000, 10),
        FirstHello = TimeSpan.FromMilliseconds(firstHello),
    };
}
