using Hello.AppHost;
using Hello.AppHost.Comparison;

// `dotnet run --project Hello.AppHost -- compare` measures the builds instead of running them.
var compares = args is ["compare", ..];
var builder = DistributedApplication.CreateBuilder(compares ? [] : args);

// The conventional reference: framework-dependent, on the ASP.NET Alpine image.
builder.AddHelloImage("alpine");

// One static binary and nothing else.
builder.AddHelloImage("scratch");

// The same binary, and the one line that makes it run as a user without rights.
builder.AddHelloImage("scratch-nonroot");

if (compares)
{
    await builder.CompareAsync(args);
}
else
{
    await builder.Build().RunAsync();
}
