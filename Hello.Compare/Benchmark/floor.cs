// The floor of the benchmark: ASP.NET Core with one route, and nothing that this API adds to it.
#:sdk Microsoft.NET.Sdk.Web
#:property StaticExecutable=true
#:property InvariantGlobalization=true
#:property OptimizationPreference=Size
#:property EventSourceSupport=false

var builder = WebApplication.CreateEmptyBuilder(new() { Args = args });
builder.Services.AddRoutingCore();
builder.WebHost.UseKestrelCore();
builder.WebHost.UseUrls(Environment.GetEnvironmentVariable("ASPNETCORE_URLS") ?? "http://+:8080");

var app = builder.Build();
app.MapGet("/hello", (RequestDelegate)(context =>
{
    context.Response.ContentType = "application/json; charset=utf-8";
    return context.Response.WriteAsync("""{"code":200,"result":"Hello World!"}""");
}));
app.Run();
