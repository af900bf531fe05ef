using System.Globalization;
using Hello.AppHost.Dashboard;
using Hello.AppHost.Engine;
using Hello.AppHost.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace Hello.Tests;

/// <summary>The command <c>ledger</c> and the budget, on the real engine and the real binary.</summary>
[Collection(HelloApplicationCollection.Name)]
public sealed class LedgerTests(HelloApplication hello)
{
    private static readonly string File = Path.Combine(Projects.Hello_AppHost.ProjectPath, "Ledger", "ledger.json");

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task The_binary_is_within_its_budget()
    {
        using var limit = new CancellationTokenSource(Limit);
        var ledger = await SizeLedger.ReadAsync(File, limit.Token);
        var bytes = await BinaryBytesAsync();

        Assert.True(bytes <= ledger.Budget, bytes <= ledger.Budget ? "" : await ExplainAsync());

        async Task<string> ExplainAsync()
        {
            var image = hello.App.Services.GetRequiredService<DistributedApplicationModel>().Resources.HelloImages().Single(r => r.Image.Name == "scratch").Image;
            var engine = hello.App.Services.GetRequiredService<ContainerEngine>();
            return (await new LedgerRun(engine, _ => { }).MeasureAsync(image, ledger.Budget, limit.Token)).ExplainExcess(ledger)!;
        }
    }

    [Fact]
    public async Task The_ledger_adds_up_to_the_binary()
    {
        var (exitCode, output, error) = await AppHostProcess.RunAsync(Limit, null, "ledger");

        Assert.True(exitCode == 0, $"It ended with {exitCode}: {error}");
        Assert.Empty(await LeftBehindAsync());
        // "System.Private.CoreLib   4,307,522   +1,234"; two spaces in front of a namespace, none in front of an assembly.
        var rows = output.Split('\n').SkipWhile(l => !l.Trim().StartsWith("bytes", StringComparison.Ordinal)).Skip(1).TakeWhile(l => l.Length > 0)
            .Select(l => (IsAssembly: l[0] != ' ', Cells: l.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
            .Where(r => r.IsAssembly).Select(r => (Name: r.Cells[0], Bytes: long.Parse(r.Cells[1], NumberStyles.Number, CultureInfo.InvariantCulture))).ToArray();
        var bytes = await BinaryBytesAsync();
        Assert.Equal(("Total", bytes), rows[^1]);
        Assert.Equal(bytes, rows[..^1].Sum(r => r.Bytes));
        Assert.All(["Hello.Api", "System.Private.CoreLib", MstatReader.NativeData, SizeLedger.Rest], name => Assert.Contains(rows, r => r.Name == name && r.Bytes > 0));
    }

    [Fact]
    public async Task The_committed_ledger_adds_up()
    {
        var ledger = await SizeLedger.ReadAsync(File, CancellationToken.None);

        Assert.Equal(ledger.Bytes, ledger.Assemblies.Values.SelectMany(n => n.Values).Sum());
    }

    [Fact]
    public async Task Interrupted_it_leaves_nothing_behind_and_ends_with_130()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var ledger = AppHostProcess.Start("ledger");
        try
        {
            // The image and the container are there.
            while (await ledger.StandardError.ReadLineAsync(limit.Token) is { } line && line != "Reading it ...")
            {
                Assert.False(line.StartsWith("error:", StringComparison.Ordinal), line);
            }

            Assert.NotEmpty(await LeftBehindAsync());
            await AppHostProcess.SignalAsync(ledger, "INT");
            var error = await ledger.StandardError.ReadToEndAsync(limit.Token);
            await ledger.WaitForExitAsync(limit.Token);

            Assert.Equal(130, ledger.ExitCode);
            Assert.EndsWith("error: The ledger was interrupted; nothing was written, and nothing is left behind.\n", error, StringComparison.Ordinal);
            Assert.Empty(await LeftBehindAsync());
        }
        finally
        {
            if (!ledger.HasExited)
            {
                ledger.Kill(entireProcessTree: true);
            }
        }
    }

    [Fact]
    public async Task A_wrong_option_is_one_clear_line()
    {
        var (exitCode, output, error) = await AppHostProcess.RunAsync(TimeSpan.FromMinutes(1), null, "ledger", "--fast");

        Assert.Equal(1, exitCode);
        Assert.Equal("error: Unrecognized command or argument '--fast'. 'ledger --help' lists the options.\n", error);
        Assert.Empty(output);
    }

    [Theory]
    [InlineData("compare", "ledger", "--help")]
    [InlineData("--update", "ledger.json", "ledger", "--help")]
    public async Task Help_names_what_there_is(string one, string other, params string[] arguments)
    {
        var (exitCode, output, _) = await AppHostProcess.RunAsync(TimeSpan.FromMinutes(1), null, arguments);

        Assert.Equal(0, exitCode);
        Assert.Contains(one, output, StringComparison.Ordinal);
        Assert.Contains(other, output, StringComparison.Ordinal);
    }

    private static async Task<long> BinaryBytesAsync() =>
        (await ImageArchive.ReadFilesAsync("demo-app:0.1-scratch")).Single(f => f.Path == "hello-api").Content.Length;

    /// <summary>Images and containers of the command, by name.</summary>
    private static async Task<string> LeftBehindAsync() =>
        await CommandLine.DockerAsync("image", "ls", "--filter", "reference=hello-ledger-*", "--format", "{{.Repository}}")
        + await CommandLine.DockerAsync("container", "ls", "--all", "--filter", "name=hello-ledger-", "--format", "{{.Names}}");
}
