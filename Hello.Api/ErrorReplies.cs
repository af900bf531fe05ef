using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;

namespace Hello.Api;

/// <summary>Answers every error with a <see cref="Reply"/>, whether the routes, an exception or Kestrel caused it.</summary>
internal static class ErrorReplies
{
    /// <summary>Adds the error replies. Has to be called before the routes are added.</summary>
    public static void UseErrorReplies(this WebApplication app)
    {
        // The outermost middleware. It logs an unhandled exception once, and tells the client nothing but the status.
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = SayStatusAsync });
        app.UseStatusCodePages(pages => SayStatusAsync(pages.HttpContext));
        app.Use((context, next) =>
            context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody is true ? ReadBodyFirstAsync(context, next) : next(context));
        app.Services.GetRequiredService<DiagnosticListener>().Subscribe(new RejectedRequests(), name => name == RejectedRequests.EventName);
    }

    private static Task SayStatusAsync(HttpContext context) => Reply.ForStatus(context.Response.StatusCode).ExecuteAsync(context);

    /// <summary>Kestrel checks a body (413 too large, 400 malformed, 408 too slow) only while somebody reads it, and no route does.</summary>
    private static async Task ReadBodyFirstAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        }
        catch (IOException rejected) when (!context.RequestAborted.IsCancellationRequested)
        {
            // Nobody can tell the rest of the body from the next request. Kestrel throws a plain IOException if the size of a
            // chunk is not a number of 32 bits.
            context.Response.Headers.Connection = "close";
            context.Response.StatusCode = (rejected as BadHttpRequestException)?.StatusCode ?? StatusCodes.Status400BadRequest;
            return;
        }
        catch (OperationCanceledException)
        {
            return; // The client has closed the connection.
        }

        await next(context);
    }

    /// <summary>Adds the body to the answers that Kestrel gives before any middleware runs (malformed, too long, too slow).</summary>
    /// <remarks>
    /// If an update of Kestrel changes what this relies on, the answer is Kestrel's own, which has no body:
    /// https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/diagnostics.
    /// </remarks>
    internal sealed class RejectedRequests : IObserver<KeyValuePair<string, object?>>
    {
        public const string EventName = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

        public void OnNext(KeyValuePair<string, object?> diagnosticEvent)
        {
            // Kestrel has set the status and the Allow header, but has not sent anything.
            if (diagnosticEvent.Value is not IFeatureCollection features
                || features.Get<IHttpResponseFeature>() is not { HasStarted: false } response
                || features.Get<IHttpResponseBodyFeature>() is not { } responseBody
                || features.Get<IConnectionTransportFeature>() is not { Transport: { Output.CanGetUnflushedBytes: true } connection })
            {
                return;
            }

            var (isChanged, isWhole) = (false, false);
            try
            {
                if (!IsHttp2(connection.Input))
                {
                    var body = Reply.ForStatus(response.StatusCode).Body;
                    (response.Headers.ContentType, response.Headers.ContentLength, response.Headers.Connection) = (Reply.ContentType, body.Length, "close");
                    isChanged = true;

                    // The stream of the response does not exist before the request has been parsed. So the body is written to
                    // the connection, if the headers are in its buffer. Nothing here waits for the client.
                    var unflushed = connection.Output.UnflushedBytes;
                    _ = responseBody.StartAsync();
                    if (connection.Output.UnflushedBytes > unflushed)
                    {
                        connection.Output.Write(HttpMethods.IsHead(features.Get<IHttpRequestFeature>()?.Method ?? "") ? [] : body.Span);
                        isWhole = true;
                    }
                }
            }
            catch (Exception)
            {
                // Kestrel must not see it, because its own answer is still to come.
            }

            if (isChanged && !response.HasStarted)
            {
                (response.Headers.ContentType, response.Headers.ContentLength) = (default, null);
            }
            else if (isChanged && !isWhole)
            {
                features.Get<IHttpRequestLifetimeFeature>()?.Abort(); // rather than headers without their body
            }
        }

        // Kestrel answers an HTTP/2 client with an HTTP/2 frame, which a body would break. Kestrel has read the first line of
        // the client's preface, "PRI * HTTP/2.0"; this is the rest: https://www.rfc-editor.org/rfc/rfc9113#section-3.4
        private static bool IsHttp2(PipeReader input)
        {
            input.CancelPendingRead(); // Otherwise TryRead does not return the bytes that Kestrel has already examined.
            if (!input.TryRead(out var read))
            {
                return false;
            }

            var isHttp2 = new SequenceReader<byte>(read.Buffer).IsNext("\r\nSM\r\n\r\n"u8);
            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            return isHttp2;
        }

        public void OnCompleted() { }

        public void OnError(Exception error) { }
    }
}
