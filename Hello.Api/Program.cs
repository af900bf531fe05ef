using Hello.Api;

// A request is answered on the thread that has read it, without a way through the thread pool: a tenth more of them, where
// nothing that answers blocks. The runtime reads it once, with the first socket.
// https://github.com/dotnet/runtime/blob/main/src/libraries/System.Net.Sockets/src/System/Net/Sockets/SocketAsyncEngine.Unix.cs
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

PrecompiledServices.Name();

// Nothing but what is added here: the other builders bring settings files, their watchers and more, a fifth of the start.
// https://learn.microsoft.com/aspnet/core/fundamentals/minimal-apis/webapplication
var builder = WebApplication.CreateEmptyBuilder(HelloServer.Options);

builder.AddHelloServer(args);
builder.AddServiceDefaults();

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
