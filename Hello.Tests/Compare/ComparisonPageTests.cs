using Microsoft.Playwright;

namespace Hello.Tests;

/// <summary>The page of the comparison in a real browser. The figures are made up, with names and paths that are long.</summary>
public sealed class ComparisonPageTests(Browser browser) : IClassFixture<Browser>
{
    private const int Phone = 390;
    private const int Desktop = 1400;

    [FactInBrowser]
    public async Task It_fits_and_is_accessible_on_a_phone_and_a_desktop_in_light_and_dark()
    {
        foreach (var (width, scheme) in
            from width in (int[])[Phone, Desktop] from scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark] select (width, scheme))
        {
            var page = await OpenAsync(width, scheme);

            Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= width, $"It is wider than {width} pixels.");
            await Browser.AssertAccessibleAsync(page);
            await Browser.WriteScreenshotAsync(page, $"comparison-{width}-{scheme.ToString().ToLowerInvariant()}", whole: true);
        }
    }

    /// <summary>Its picture is the one of the pages. Without a comparison, it is the page of this class.</summary>
    [FactInBrowser]
    public async Task The_page_of_the_last_comparison_fits()
    {
        var page = await OpenAsync(Desktop, ColorScheme.Light);
        var written = Path.Combine(RepositoryFolder.Find(), "artifacts", "comparison.html");
        if (File.Exists(written))
        {
            await page.GotoAsync(new Uri(written).ToString());
        }

        Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= Desktop, $"It is wider than {Desktop} pixels.");
        await Browser.WriteScreenshotAsync(page, "comparison");
    }

    /// <summary>Without colours, the bars of the reference still differ: they are empty.</summary>
    [FactInBrowser]
    public async Task Bars_differ_without_colour_and_have_their_value_beside_them()
    {
        var page = await OpenAsync(Desktop, ColorScheme.Light);
        var chart = page.Locator("figure").First;

        Assert.Equal("rgba(0, 0, 0, 0)", await chart.Locator(".reference .bar").EvaluateAsync<string>("bar => getComputedStyle(bar).backgroundColor"));
        Assert.Equal(3, await chart.Locator("li").CountAsync());
        Assert.Equal(["125.6 MB", "10,538,264 B (0.084×)", "10,538,311 B (0.084×)"], await chart.Locator(".value").AllInnerTextsAsync());
    }

    [FactInBrowser]
    public async Task A_screen_reader_finds_headings_and_the_headers_of_each_cell()
    {
        foreach (var width in (int[])[Phone, Desktop])
        {
            var page = await OpenAsync(width, ColorScheme.Light);

            Assert.Equal(1, await page.GetByRole(AriaRole.Heading, new() { Level = 1 }).CountAsync());
            Assert.Equal(
                ["At a glance", "All figures", "What is in each image", "Conditions", "For reference: the walkthrough in Go"],
                await page.GetByRole(AriaRole.Heading, new() { Level = 2 }).AllInnerTextsAsync());
            var table = page.GetByRole(AriaRole.Table).First;
            Assert.Equal(3, await table.GetByRole(AriaRole.Columnheader).CountAsync());
            Assert.Equal(Figure.All.Count, await table.GetByRole(AriaRole.Rowheader).CountAsync());
        }
    }

    /// <summary>Opens it. It asks nobody for anything and runs no script.</summary>
    private async Task<IPage> OpenAsync(int width, ColorScheme scheme)
    {
        List<string> requests = [];
        var page = await browser.OpenAsync(width, 900, scheme);
        page.Request += (_, request) => requests.Add(request.Url);
        await page.SetContentAsync(ComparisonPage.Write(Result()));
        Assert.Empty(requests);
        Assert.Equal(0, await page.Locator("script").CountAsync());
        return page;
    }

    private static ComparisonResult Result() => ComparisonTests.Result(
        ComparisonTests.Image("alpine", 125_589_709, 0, 0.284, 0.355, 0.532), ComparisonTests.Image("scratch", 10_538_264, 0, 0.012, 0.015, 0.022),
        ComparisonTests.Image("registry.example.com/team/a-service-with-a-long-name:2026.11.27-rc.1", 10_538_311, 10001, 0.012, 0.015, 0.022));
}
