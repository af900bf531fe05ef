using System.Globalization;
using Hello.Api;

if (args.Contains(HealthCommand.Argument))
{
    return HealthCommand.Run(args);
}

if (ResourceLimits.AllowsTooFewProcesses)
{
    ResourceLimits.End(ResourceLimits.ProcessLimitReason);
}

// Answers a request on the thread that has read it, without a way through the thread pool. This serves a tenth more
// requests, and is safe because nothing that answers blocks. The runtime reads the variable with the first socket.
// https://github.com/dotnet/runtime/blob/main/src/libraries/System.Net.Sockets/src/System/Net/Sockets/SocketAsyncEngine.Unix.cs
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

// The runtime starts such a thread for each core. On a large machine, these and the threads of the pool, which
// Hello.Api.csproj limits, would be more than a container may have.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", Math.Min(Environment.ProcessorCount, 8).ToString(CultureInfo.InvariantCulture));

// Kestrel accepts no further connection once one has failed for lack of memory. The process would run on without answering.
AppDomain.CurrentDomain.FirstChanceException += (_, thrown) =>
{
    if (thrown.Exception is OutOfMemoryException)
    {
        ResourceLimits.End(ResourceLimits.HaveRefusedProcess ? ResourceLimits.ProcessLimitReason : "Out of memory. Give the container more, or less to do.");
    }
};

HostSettings.UnsetEmptyVariables();
HostSettings? settings = null;
var started = CancellationToken.None;
try
{
    var builder = HelloServer.CreateBuilder(args);
    settings = new(builder.Configuration, args);
    settings.CheckAddresses();
    settings.FindUnused();

    builder.AddHelloServer(settings);
    builder.AddServiceDefaults();
    builder.Services.AddCompiledServices();

    var app = builder.Build();
    started = app.Lifetime.ApplicationStarted;

    app.UseErrorReplies();
    app.MapDefaultEndpoints();

    var hello = new Reply(StatusCodes.Status200OK, "Hello World!");
    var log = app.Logger;
    app.MapMethods("/hello", [HttpMethods.Get, HttpMethods.Head], context =>
    {
        var address = context.Connection.RemoteIpAddress;
        log.SaidHello(address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address);
        return hello.ExecuteAsync(context);
    });

    started.Register(() =>
    {
        foreach (var warning in settings.Warnings)
        {
            log.UnusedSetting(warning);
        }

        _ = GiveMemoryBackAsync();
    });
    app.Run();
    return 0;
}
catch (Exception) when (ResourceLimits.HaveRefusedProcess)
{
    ResourceLimits.End(ResourceLimits.ProcessLimitReason);
    return 1;
}
catch (Exception e) when (!started.IsCancellationRequested && HostSettings.Explain(settings, e) is { } reason)
{
    ResourceLimits.WriteError(reason);
    return 1;
}

// The start leaves garbage, a tenth of the memory of an idle API. .NET would keep it until as much again has been allocated.
static async Task GiveMemoryBackAsync()
{
    await Task.Delay(TimeSpan.FromMilliseconds(200)); // out of the way of the first request
    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
