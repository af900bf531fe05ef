using Hello.AppHost;

// `dotnet run --project Hello.AppHost -- compare` measures the builds instead of running them, `-- ledger` shows where the bytes are.
var isCommand = args is ["compare" or "ledger" or "--help", ..];
var builder = DistributedApplication.CreateBuilder(isCommand ? [] : args);

// The conventional reference: framework-dependent, on the ASP.NET Alpine image.
builder.AddHelloImage("alpine");

// One static binary and nothing else, which runs with nothing else.
builder.AddHelloImage("scratch").WithLeastPrivilege();

// The same binary, and the one line that makes it run as a user without rights.
builder.AddHelloImage("scratch-nonroot").WithLeastPrivilege();

if (isCommand)
{
    await builder.RunCommandAsync(args);
}
else
{
    await builder.RunBuildsAsync();
}
