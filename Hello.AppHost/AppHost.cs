using Hello.AppHost;

AppHostArguments.EndIfUnknown(args);
var builder = DistributedApplication.CreateBuilder(args);

// The conventional reference: framework-dependent, on the ASP.NET Alpine image.
builder.AddHelloImage("alpine");

// One static binary and nothing else. It runs without any privilege that the API does not need.
builder.AddHelloImage("scratch").WithLeastPrivilege();

// The same binary and one line in /etc/passwd, so that it runs as a user without rights.
builder.AddHelloImage("scratch-nonroot").WithLeastPrivilege();

await builder.RunBuildsAsync();
