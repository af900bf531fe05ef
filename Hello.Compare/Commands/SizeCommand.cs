using System.CommandLine;
using Hello.Compare.Engine;
using Hello.Compare.Images;
using Hello.Compare.Size;

namespace Hello.Compare.Commands;

/// <summary>The command <c>size</c>.</summary>
internal static class SizeCommand
{
    /// <summary>The build whose binary is measured. <c>scratch-nonroot</c> has the same binary.</summary>
    private const string Build = "scratch";

    public static Command Create()
    {
        var update = new Option<bool>("--update") { Description = "Update this platform's file in Hello.Api/Size. Its budget stays" };
        var command = new Command("size", "Lists the bytes of the native binary by namespace, and the change since the figures in Hello.Api/Size") { update };
        command.WithAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(update), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(bool update, CancellationToken cancellationToken)
    {
        var root = RepositoryFolder.Find();
        var (report, leftBehind) = await new SizeRun(ContainerEngine.FromEnvironment(), ConsoleProgress.Report, CommandExtensions.Error)
            .MeasureAsync(HelloImage.Of(root, Build), cancellationToken);
        ConsoleProgress.Clear();
        var file = SizeReport.PathOf(root, report.Conditions.Rid);
        var earlier = await SizeReport.ReadAsync(file, cancellationToken);
        report = report with { Budget = earlier?.Budget };

        Console.WriteLine();
        Console.Write(SizeTable.Write(report, earlier));
        if (update)
        {
            await report.WriteAsync(file, CancellationToken.None);
            Console.WriteLine($"Written: {file}");
        }

        if (report.ExplainExcess(earlier ?? report) is { } excess)
        {
            CommandExtensions.Error(excess);
            return 1;
        }

        return leftBehind ? 1 : 0;
    }
}
