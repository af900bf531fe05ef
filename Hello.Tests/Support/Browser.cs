using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Hello.Tests;

/// <summary>A test in a real browser. It is skipped, with the reason, on a machine without one.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactInBrowserAttribute : FactAttribute
{
    public FactInBrowserAttribute() => Skip = Browser.Missing;
}

/// <summary>The machine's Chromium, without a window.</summary>
/// <remarks>Playwright would download a browser of its own. Not every machine can reach it.</remarks>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string? Executable =
        FactIfInstalledAttribute.Find("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>Why there is no browser; null if there is one.</summary>
    public static string? Missing => Executable is null ? "There is no Chromium on this machine." : null;

    private static string Root => RepositoryFolder.Find();

    public async Task InitializeAsync()
    {
        if (Executable is not null)
        {
            Assertions.SetDefaultExpectTimeout(30_000); // the machine may be busy
            _playwright = await Playwright.CreateAsync();
            _browser = await _playwright.Chromium.LaunchAsync(new()
            {
                ExecutablePath = Executable,
                ChromiumSandbox = !Environment.IsPrivilegedProcess, // Chromium refuses to run as root with it
                Args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"],
            });
        }
    }

    public async Task DisposeAsync()
    {
        await (_browser?.DisposeAsync() ?? ValueTask.CompletedTask);
        _playwright?.Dispose();
    }

    public async Task<IPage> OpenAsync(int width, int height, ColorScheme scheme = ColorScheme.Light)
    {
        var page = await _browser!.NewPageAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
        });
        page.SetDefaultTimeout(30_000);
        return page;
    }

    /// <summary>Writes what a person would see to artifacts/screenshots.</summary>
    /// <remarks>With <c>SCREENSHOTS=docs</c>, it renews the picture of docs/images with that name.</remarks>
    /// <param name="whole">Whether to show also what one would have to scroll to.</param>
    public static async Task WriteScreenshotAsync(IPage page, string name, bool whole = false)
    {
        ArgumentNullException.ThrowIfNull(page);
        var file = Path.Combine(Root, "artifacts", "screenshots", $"{name}.png");
        await page.ScreenshotAsync(new() { Path = file, FullPage = whole, Animations = ScreenshotAnimations.Disabled });
        var picture = Path.Combine(Root, "docs", "images", $"{name}.png");
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") == "docs" && File.Exists(picture))
        {
            File.Copy(file, picture, overwrite: true);
        }
    }

    /// <summary>Fails if axe finds a fault of accessibility: https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md.</summary>
    public static async Task AssertAccessibleAsync(IPage page)
    {
        var result = await page.RunAxe();

        Assert.Empty(result.Violations.Select(v => $"{v.Id}: {v.Help} {string.Join(" ", v.Nodes.Select(n => n.Html).Take(3))}"));
    }
}
