using Hello.Api;

// Watching for changed settings files costs 0.3 s at start where the content root is "/", as in a scratch image.
// https://learn.microsoft.com/aspnet/core/fundamentals/host/generic-host#disable-app-configuration-reload-on-change
var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false", .. args]);

builder.AddServiceDefaults();
builder.AddHelloServer();

var app = builder.Build();

app.UseErrorReplies();
app.MapDefaultEndpoints();

var hello = new Reply(StatusCodes.Status200OK, "Hello World!");
app.MapMethods("/hello", [HttpMethods.Get, HttpMethods.Head], (HttpContext context) =>
{
    app.Logger.SaidHello(context.Connection.RemoteIpAddress);
    return hello;
});

app.Run();
