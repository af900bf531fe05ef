using Microsoft.Playwright;

namespace Hello.Tests;

/// <summary>What a person sees of the three builds in the dashboard, in a real browser.</summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed partial class DashboardInBrowserTests(HelloApplication hello, Browser browser) : IClassFixture<Browser>
{
    [FactInBrowser]
    public async Task The_three_builds_are_there_and_healthy()
    {
        var page = await OpenAsync();
        foreach (var image in HelloImages.Specification)
        {
            await Assertions.Expect(Row(page, image)).ToContainTextAsync("Running");
        }

        await Browser.WriteScreenshotAsync(page, "dashboard");
    }

    [FactInBrowser]
    public async Task The_details_of_a_build_have_its_size_and_its_user()
    {
        var page = await OpenAsync();
        await ClickAsync(Row(page, HelloImages.Specification[^1]), page.GetByText("Unpacked size"));

        await Assertions.Expect(page.GetByText(SizeText())).ToHaveCountAsync(2);
        await Assertions.Expect(page.GetByText("10001:10001")).ToBeVisibleAsync();
        await Browser.WriteScreenshotAsync(page, "properties");
    }

    [FactInBrowser]
    public async Task Send_load_asks_shows_what_came_of_it_and_leads_to_the_traces_and_metrics()
    {
        var image = HelloImages.Specification[1];
        var page = await OpenAsync();
        var dialog = page.Locator("#interactions-input-dialog");
        var send = dialog.Locator("fluent-button").Filter(new() { HasText = "Send load" });
        await ClickAsync(Row(page, image).Locator("fluent-button[title^='Sends a bounded burst']"), send);
        await Assertions.Expect(dialog).ToContainTextAsync("Connections*");

        await Browser.WriteScreenshotAsync(page, "send-load");
        await send.ClickAsync();

        var traces = page.Locator($"a[href='/traces/resource/{image}']");
        await Assertions.Expect(traces).ToBeVisibleAsync();
        await Browser.WriteScreenshotAsync(page, "load-sent");
        foreach (var build in HelloImages.Specification)
        {
            await Assertions.Expect(page.Locator($"a[href='/metrics/resource/{build}']")).ToBeVisibleAsync();
        }

        await traces.ClickAsync();
        await Assertions.Expect(page.GetByText($"{image}: GET /hello").First).ToBeVisibleAsync();
    }

    [FactInBrowser]
    public async Task Compare_images_shows_a_table()
    {
        var page = await OpenAsync();
        var item = page.Locator("fluent-menu-item").Filter(new() { HasText = "Compare images" });
        await ClickAsync(Row(page, HelloImages.Specification[1]).Locator("fluent-button[title='Actions']"), item);
        await item.ClickAsync();
        await page.Locator("#interactions-input-dialog fluent-button").Filter(new() { HasText = "Compare images" }).ClickAsync();
        var table = page.Locator("fluent-dialog table").Last;

        foreach (var image in HelloImages.Specification)
        {
            await Assertions.Expect(table.GetByText(image.Resource, new() { Exact = true })).ToBeVisibleAsync();
        }

        await Assertions.Expect(page.Locator("fluent-dialog a[href^='http://127.0.0.1:']")).ToBeVisibleAsync();
        await Browser.WriteScreenshotAsync(page, "compare-images");
    }

    /// <summary>Clicks until something appears. The dashboard shows a button a moment before it listens to it.</summary>
    private static async Task ClickAsync(ILocator button, ILocator appears)
    {
        for (var clicks = 0; clicks < 20; clicks++)
        {
            await button.ClickAsync();
            try
            {
                await appears.WaitForAsync(new() { Timeout = 3_000 });
                return;
            }
            catch (TimeoutException)
            {
                // It did not listen yet.
            }
        }

        await Browser.WriteScreenshotAsync(button.Page, "failed");
        Assert.Fail($"{appears} does not appear after a click on {button}. See failed.png.");
    }

    private static ILocator Row(IPage page, ImageSpecification image) =>
        page.Locator("tr").Filter(new() { Has = page.GetByText(image.Resource, new() { Exact = true }) }).First;

    private async Task<IPage> OpenAsync()
    {
        var page = await browser.OpenAsync(1400, 900);
        await page.GotoAsync(hello.DashboardLogin.ToString());
        await page.WaitForURLAsync(url => !url.Contains("/login", StringComparison.Ordinal));
        return page;
    }

    [GeneratedRegex(@"^[\d.]+ MB \([\d,]+ B\)$")]
    private static partial Regex SizeText();
}
