using System.CommandLine;
using Hello.Compare.Commands;

// In a probe's container there is no other assembly than this one.
return args is [ProbeProgram.Command] ? await ProbeProgram.RunAsync() : await RunCommandAsync(args);

static async Task<int> RunCommandAsync(string[] args)
{
    var root = new RootCommand("Measures the three builds of the hello API. Without a command it compares them.") { BenchmarkCommand.Create() }.AddCompare();
    root.Subcommands.Insert(0, new Command("compare", "Builds the images without cache, runs and measures them, and writes the comparison").AddCompare());

    var parsed = root.Parse(args);
    if (parsed.Errors.Count > 0)
    {
        var command = parsed.CommandResult.Command == root ? "" : $"{parsed.CommandResult.Command.Name} ";
        CommandExtensions.Error($"{string.Join(' ', parsed.Errors.Select(e => e.Message))} See: dotnet run --project Hello.Compare -- {command}--help");
        return 1;
    }

    EngineEnvironment.RemoveChanging();
    // The commands handle signals themselves.
    return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = null });
}
