using System.CommandLine;
using Hello.AppHost.Dashboard;

namespace Hello.AppHost.Ledger;

/// <summary>The command line <c>ledger [--update]</c>.</summary>
internal static class LedgerCommand
{
    /// <summary>Describes the command.</summary>
    /// <param name="builder">The model.</param>
    /// <returns>The command.</returns>
    public static Command Create(IDistributedApplicationBuilder builder)
    {
        var update = new Option<bool>("--update") { Description = "Write ledger.json anew; the budget in it stays" };
        var ledger = new Command("ledger", "Shows where the bytes of the native binary are, and what has changed against Hello.AppHost/Ledger/ledger.json") { update };
        ledger.SetAction("ledger", (parsed, cancellationToken) => RunAsync(builder, parsed.GetValue(update), cancellationToken));
        return ledger;
    }

    private static async Task<int> RunAsync(IDistributedApplicationBuilder builder, bool update, CancellationToken cancellationToken)
    {
        var file = Path.Combine(builder.AppHostDirectory, "Ledger", "ledger.json");
        var earlier = await SizeLedger.ReadAsync(file, cancellationToken);
        var image = builder.Resources.HelloImages().Single(r => r.Image.Name == "scratch").Image;
        var ledger = await new LedgerRun(new(builder.Configuration), line => Console.Error.WriteLine(line)).MeasureAsync(image, earlier.Budget, cancellationToken);

        Console.WriteLine();
        Console.Write(LedgerTable.Write(ledger, earlier));
        if (update)
        {
            await ledger.WriteAsync(file, cancellationToken);
            Console.WriteLine($"Written: {file}");
        }

        if (ledger.ExplainExcess(earlier) is { } excess)
        {
            await Console.Error.WriteLineAsync($"error: {excess}");
            return 1;
        }

        return 0;
    }
}
