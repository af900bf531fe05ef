namespace Hello.Tests;

/// <summary>How the comparison is written. The figures here are made up.</summary>
public sealed class ComparisonTests
{
    private static readonly Measurements Large = Image("alpine", bytes: 8_000, uid: 0, 0.245, 0.250, 0.255);
    private static readonly Measurements Small = Image("scratch", bytes: 1_000, uid: 10001, 0.048, 0.050, 0.052);
    private static readonly Measurements Unmeasured = new("broken") { IsEmulated = true, Reasons = { "could not be measured: it ended." } };

    [Fact]
    public void The_headline_tells_what_differs_by_more_than_chance() => Assert.Equal(
        [
            "scratch is 1/8 of the alpine image, starts faster, runs as UID 10001",
            "alpine is 8.0× the scratch image, takes longer to start, runs as UID 0",
            "same runs as UID 0", "broken could not be measured", "broken: not measured",
            "alpine: Unpacked size 8.0 kB, Start to first hello 250 ± 5 ms, UID:GID 0:0",
        ],
        [
            Result(Large, Small).Headline, Result(Small, Large).Headline, Result(Large, Image("same", 8_000, 0, 0.245, 0.250, 0.255)).Headline,
            Result(Large, Unmeasured).Headline, Result(Unmeasured).Headline, Result(Large).Headline,
        ]);

    /// <summary>The values of the runs. The resolution is how far each may be from the truth.</summary>
    [Theory]
    [InlineData("0.50×", new[] { 9.0, 10, 11 }, new[] { 19.0, 20, 21 })]
    [InlineData("1.9×", new[] { 18.0, 19, 20 }, new[] { 10.0, 10, 10 })]
    [InlineData(null, new[] { 9.0, 10, 14 }, new[] { 13.0, 20, 21 })] // they overlap
    [InlineData(null, new[] { 9.0, 10, 13 }, new[] { 16.0, 20, 21 })] // they would, twice as wide
    [InlineData(null, new[] { 10.0, 10 }, new[] { 20.0, 20, 20 })]
    [InlineData(null, new[] { 10.0, 10, 10 }, new[] { 10.0, 10, 10 })]
    [InlineData("< 0.1×", new[] { 20.0, 20, 20 }, new[] { 270.0, 280, 290 }, 5)] // 25 / 265 is more than 0.09
    [InlineData("> 10×", new[] { 270.0, 280, 290 }, new[] { 20.0, 20, 20 }, 5)]
    [InlineData(null, new[] { 20.0, 20, 20 }, new[] { 29.0, 29, 29 }, 5)]
    public void There_is_a_ratio_only_where_runs_tell_two_values_apart(string? ratio, double[] here, double[] there, double resolution = 0)
    {
        Assert.Equal(ratio, Value(here).RatioTo(Value(there)));
        Assert.Equal(ratio is not null, Value(there).IsToldApartFrom(Value(here)));

        FigureValue Value(double[] values)
        {
            var runs = new Spread();
            Array.ForEach(values, runs.Add);
            return new("", runs.Median) { Runs = runs, Resolution = resolution };
        }
    }

    [Fact]
    public void The_JSON_has_each_figure_in_its_base_unit_and_the_reasons_of_each_image()
    {
        using var json = JsonDocument.Parse(ComparisonJson.Write(Result(Large, Unmeasured)));
        Assert.Equal(["date", "machine", "engine", "method", "standIns", "images"], json.RootElement.EnumerateObject().Select(p => p.Name));
        var images = json.RootElement.GetProperty("images");
        var figures = images[0].GetProperty("figures").EnumerateObject().ToDictionary(f => f.Name, f => JsonSerializer.Serialize(f.Value));

        Assert.Equal(Figure.All.Select(f => f.Key), figures.Keys);
        Assert.All(Figure.All, f => Assert.Equal(f.Of(Large)!.Number is null, figures[f.Key].StartsWith("{\"value\":\"", StringComparison.Ordinal)));
        Assert.Equal("""{"value":8000}""", figures["unpackedSize"]);
        Assert.Equal("""{"value":0.25,"lowest":0.245,"highest":0.255,"runs":3}""", figures["startToFirstHello"]);
        Assert.Equal("""{"value":"sh, ash"}""", figures["shell"]);
        Assert.Equal(
            """{"name":"broken","emulated":true,"figures":{},"reasons":["could not be measured: it ended."]}""", JsonSerializer.Serialize(images[1]));
    }

    [Fact]
    public void A_row_has_the_figure_and_the_ratio_to_the_first_and_a_dash_for_what_was_not_measured() => Assert.Contains(
        "\n| Unpacked size | 8.0 kB | 1.0 kB (0.12×) | – |\n", ComparisonMarkdown.Write(Result(Large, Small, Unmeasured)), StringComparison.Ordinal);

    [Theory]
    [InlineData("<b>x</b>", @"\<b>x\</b>")]
    [InlineData("[a](b) `c` *d*", @"\[a\](b) \`c\` \*d\*")]
    [InlineData("a|b &lt; c & d", @"a\|b \&lt; c & d")]
    [InlineData("10,426,296 B (< 0.2×)", "10,426,296 B (< 0.2×)")]
    public void A_text_of_an_image_cannot_mark_up_a_page(string cell, string written)
    {
        Assert.EndsWith($"| User | {written} |\n", new Table(["", "x"], [["User", cell]]).ToMarkdown(), StringComparison.Ordinal);
        Assert.Contains(
            $"\n- Not measured: a: {written}\n", ComparisonMarkdown.Write(Result(Large, new Measurements("a") { Reasons = { cell } })), StringComparison.Ordinal);
    }

    [Fact]
    public void Copies_of_a_Dockerfile_are_no_builds()
    {
        using var folder = new TempFolder();
        foreach (var name in (string[])["a", "a.dockerignore", "a.orig", "a~", "B"])
        {
            File.WriteAllText(Path.Combine(folder.FullName, $"Dockerfile-{name}"), "FROM scratch");
        }

        Assert.Equal(["a"], HelloImage.FindAll(folder.FullName).Select(image => image.Name));
    }

    [Fact]
    public void The_page_is_well_formed_and_measured_texts_cannot_change_its_markup()
    {
        var page = ComparisonPage.Write(Result(Large, Small, new("gone") { HasFailed = true, Reasons = { "<b>broken</b> & more" } }));

        // HTML that closes its elements is XML, except for the doctype and the void elements.
        var xml = Regex.Replace(page.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal), "<(meta[^>]*)>", "<$1/>");
        var document = System.Xml.Linq.XDocument.Parse(xml);
        Assert.DoesNotContain("{{", page, StringComparison.Ordinal); // the template is filled in
        Assert.Contains(document.Descendants("dd"), d => d.Value == "a <fast> machine");
        Assert.Contains(document.Descendants("p"), p => p.Value == "Not measured: gone could not be measured: <b>broken</b> & more");
        Assert.Equal(["alpine", "scratch", "gone"], document.Descendants("thead").First().Descendants("th").Select(h => h.Value).Where(h => h.Length > 0));
    }

    [Fact]
    public void A_bar_shows_the_lowest_and_the_highest_value_and_all_bars_of_a_figure_have_one_scale()
    {
        var page = ComparisonPage.Write(Result(Image("wide", 1, 0, 0.2, 0.25, 0.5), Small));
        var chart = Assert.Single(page.Split("<figure>"), c => c.StartsWith($"<figcaption>{Figure.FirstHello.Name} ", StringComparison.Ordinal));

        Assert.Contains("class=\"spread\" style=\"left:40%;width:60%\"", chart, StringComparison.Ordinal);
        Assert.Equal(["50", "10"], Regex.Matches(chart, @"class=""bar"" style=""width:([\d.]+)%""").Select(m => m.Groups[1].Value));
    }

    [Theory]
    [InlineData(10_538_264, 10_538_311, "10,538,264 B", "10,538,311 B (1.0×)")]
    [InlineData(10_538_264, 10_538_264, "10.5 MB", "10.5 MB (1.0×)")]
    [InlineData(10_538_264, 125_585_613, "10.5 MB", "125.6 MB (12×)")]
    public void Sizes_have_all_digits_only_where_they_differ_and_would_look_the_same(long one, long other, string first, string second) =>
        Assert.Equal([first, second], Figure.UnpackedSize.Cells([Image("one", one, 0), Image("other", other, 0)]));

    [Theory]
    [InlineData(999, "999 B")]
    [InlineData(999_949, "999.9 kB")]
    [InlineData(999_950, "1.0 MB")]
    [InlineData(999_950_000, "1.00 GB")]
    public void Sizes_are_written_as_people_say_them(long bytes, string text) => Assert.Equal(text, Format.Bytes(bytes));

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public async Task The_table_goes_between_the_markers_of_a_page_which_keeps_its_line_ends(string end)
    {
        const string Page = "# Hello\n<!-- comparison -->\nold\n<!-- /comparison -->\nrest\n";

        var page = await InPageAsync(Page.Replace("\n", end, StringComparison.Ordinal), part => part.PageWith("| a |\n| b |\n"));

        const string Written = "# Hello\n<!-- comparison -->\n\n| a |\n| b |\n\n<!-- /comparison -->\nrest\n";
        Assert.Equal(Written.Replace("\n", end, StringComparison.Ordinal), page);
    }

    [Theory]
    [InlineData("# Hello\n")]
    [InlineData("<!-- /comparison -->\n<!-- comparison -->\n")]
    [InlineData("<!-- comparison -->\n<!-- comparison -->\n<!-- /comparison -->\n")]
    public async Task A_page_without_its_markers_is_a_clear_error(string page)
    {
        var error = await Assert.ThrowsAsync<MeasurementException>(() => InPageAsync(page, part => part.PageWith("new\n")));

        Assert.EndsWith(
            " must have the lines '<!-- comparison -->' and '<!-- /comparison -->' once each, in this order.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task If_one_file_cannot_be_written_none_changes_and_nothing_is_left_beside_it()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.FullName, "a");
        await WholeFiles.WriteAsync([(file, "old")]);

        var error = await Assert.ThrowsAsync<MeasurementException>(
            () => WholeFiles.WriteAsync([(file, "new"), (Path.Combine(folder.FullName, "gone", "b"), "new")]));

        Assert.StartsWith("The result cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(["a"], folder.Info.EnumerateFileSystemInfos().Select(f => f.Name));
        Assert.Equal("old", await File.ReadAllTextAsync(file));
    }

    private static async Task<string> InPageAsync(string page, Func<MarkedPart, string> use)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, page);
            return use(new(file, "comparison"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    internal static ComparisonResult Result(params Measurements[] images) => new(
        images,
        new(new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), "a <fast> machine", "docker 28", "by hand", ["mcr.microsoft.com/dotnet/aspnet:10.0-alpine"]),
        LeftBehind: false);

    /// <summary>An image with a value of every figure, and with names and paths that are long.</summary>
    /// <param name="starts">Seconds to the first answer of each run.</param>
    internal static Measurements Image(string name, long bytes, int uid, params double[] starts)
    {
        var image = new Measurements(name)
        {
            Image = new(
                bytes, bytes / 2, 7, 389, uid == 0 ? "root" : "appuser", ["sh", "ash"], [],
                IsStatic: true, "mcr.microsoft.com/dotnet/aspnet:10.0-alpine", [], "linux/amd64", [8080],
                new(
                    [
                        new(bytes / 2, 100, "COPY runtime/ /usr/share/dotnet/"), new(0, 0, "WORKDIR /app"), new(bytes / 6, 89, null),
                        new(bytes / 3, 200, $"RUN {string.Join(" && ", Enumerable.Repeat("apk add --no-cache a-package", 9))}"),
                    ],
                    [.. Enumerable.Range(1, 10).Select(i => new FileFacts($"usr/share/dotnet/System.Private.CoreLib.Of.A.Name.So.Long.{i}.dll", bytes / 10 / i))],
                    [new("var/cache/big", 3_000_000, 2)], 3_000_000,
                    [.. Enumerable.Range(1, 14).Select(i => $"usr/bin/su-{i}")], ["tmp/open"], IsCompressedEstimated: true)),
            Process = new(uid, uid, Capabilities: 14, 63_800_000, 72_400_000),
        };
        image.Add(Figure.BuildTime, 11.6);
        foreach (var start in starts)
        {
            image.Add(Figure.FirstHello, start);
            image.Add(Figure.MemoryAfterStart, 63_800_000);
            image.Add(Figure.MemoryUnderLoad, 72_400_000);
            image.Add(Figure.RequestsPerSecond, 6_153);
            image.Add(Figure.LatencyP50, 0.00101);
            image.Add(Figure.LatencyP99, 0.00476);
        }

        return image;
    }
}
