using Hello.AppHost;

var builder = DistributedApplication.CreateBuilder(args);

// The conventional reference: framework-dependent, on the ASP.NET Alpine image.
builder.AddHelloImage("alpine");

// One static binary and nothing else.
builder.AddHelloImage("scratch");

// The same binary, and the one line that makes it run as a user without rights.
builder.AddHelloImage("scratch-nonroot");

builder.Build().Run();
