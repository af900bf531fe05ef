using System.Globalization;
using Hello.Api;

// A request is answered on the thread that has read it, without a way through the thread pool: a tenth more of them, where
// nothing that answers blocks. The runtime reads it once, with the first socket.
// https://github.com/dotnet/runtime/blob/main/src/libraries/System.Net.Sockets/src/System/Net/Sockets/SocketAsyncEngine.Unix.cs
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

// Of such threads there is one for each core, at once: with those of the thread pool, for which Hello.Api.csproj has a limit,
// they would be more than a container may have on a large machine.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", Math.Min(Environment.ProcessorCount, 8).ToString(CultureInfo.InvariantCulture));

// Kestrel accepts no connection any more once one has failed for want of memory, and the process would go on, deaf.
AppDomain.CurrentDomain.FirstChanceException += (_, thrown) =>
{
    if (thrown.Exception is OutOfMemoryException)
    {
        Environment.FailFast("Out of memory. Give the container more, or less to do.");
    }
};

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
