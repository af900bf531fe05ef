using Hello.Api;

if (args.Contains(HealthCommand.Argument))
{
    return HealthCommand.Run(args);
}

try
{
    ProcessLimits.Apply();
    var builder = HelloServer.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.Services.AddCompiledServices();

    var app = builder.Build();
    app.UseErrorReplies();
    app.MapDefaultEndpoints();
    var hello = new Reply(StatusCodes.Status200OK, "Hello World!");
    app.MapMethods("/hello", [HttpMethods.Get, HttpMethods.Head], context =>
    {
        app.Logger.SaidHello(context.Connection.RemoteIpAddress);
        return hello.ExecuteAsync(context);
    });
    app.Run();
    return 0;
}
catch (Exception e)
{
    return ProcessLimits.End(StartErrors.Explain(e, args));
}
