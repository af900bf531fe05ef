// A server that behaves as its first argument says. The second one is its port. The images of OddImageTests.cs run it.
#:sdk Microsoft.NET.Sdk.Web
#:property PublishAot=false
#:property UseAppHost=false

using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;

var behaviour = args[0];
var port = args is [_, var number] ? int.Parse(number) : 8080;
var megabyte = new byte[1 << 20];
var answered = 0;
if (behaviour is "closes" or "banner")
{
    var listener = TcpListener.Create(port);
    for (listener.Start(); ;)
    {
        _ = CloseAsync(await listener.AcceptTcpClientAsync());
    }
}

var builder = WebApplication.CreateEmptyBuilder(new());
builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.ListenAnyIP(port, listen =>
{
    if (behaviour == "http2")
    {
        listen.Protocols = HttpProtocols.Http2;
    }
    else if (behaviour == "tls")
    {
        listen.UseHttps(new CertificateRequest("CN=odd", ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1)));
    }
}));

var app = builder.Build();
var started = DateTime.UtcNow;
app.Run(async context =>
{
    switch (behaviour)
    {
        case "slow":
            await Task.Delay(TimeSpan.FromSeconds(6));
            break;
        case "late":
            context.Response.StatusCode = (DateTime.UtcNow - started).TotalSeconds switch { < 6 => 503, < 12 => 404, _ => 200 };
            break;
        case "hungry":
            // Memory that .NET does not manage: .NET would end the program itself at the limit.
            Marshal.Copy(megabyte, 0, Marshal.AllocHGlobal(megabyte.Length), megabyte.Length);
            break;
        case "crash":
            context.Response.OnCompleted(EndAsync);
            break;
    }

    await context.Response.WriteAsync("Hello");

    async Task EndAsync()
    {
        if (Interlocked.Increment(ref answered) == 50)
        {
            await Task.Delay(20); // The answer leaves first.
            Console.Error.WriteLine("too many requests");
            Environment.Exit(4);
        }
    }
});
app.Run();

async Task CloseAsync(TcpClient client)
{
    using (client)
    {
        if (behaviour == "banner")
        {
            await client.GetStream().WriteAsync("SSH-2.0-odd\r\n"u8.ToArray());
            // Unread bytes would reset the connection, and the banner could be lost.
            client.Client.Shutdown(SocketShutdown.Send);
            await client.GetStream().CopyToAsync(Stream.Null);
        }
    }
}
