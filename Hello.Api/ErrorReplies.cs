using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Hello.Api;

/// <summary>Answers every error with a <see cref="Reply"/>, whoever found it: the routes, a fault or Kestrel itself.</summary>
public static class ErrorReplies
{
    /// <summary>Adds the error replies; before the routes.</summary>
    public static void UseErrorReplies(this WebApplication app)
    {
        // Outermost: an unhandled exception is logged here, once, and the client learns no more than the status.
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = context => Reply.ForStatus(context.Response.StatusCode).ExecuteAsync(context),
        });
        app.UseStatusCodePages(pages => Reply.ForStatus(pages.HttpContext.Response.StatusCode).ExecuteAsync(pages.HttpContext));
        app.Use(ReadBodyFirst);

        app.Services.GetRequiredService<DiagnosticListener>()
            .Subscribe(new RejectedRequests(), name => name == RejectedRequests.EventName);
    }

    /// <summary>
    /// Kestrel checks a body (413 too large, 400 malformed, 408 too slow) only while it is read, and no route reads one.
    /// </summary>
    private static Task ReadBodyFirst(HttpContext context, RequestDelegate next)
    {
        return context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody is true ? ReadBodyAsync() : next(context);

        async Task ReadBodyAsync()
        {
            try
            {
                await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            }
            catch (IOException rejected) when (!context.RequestAborted.IsCancellationRequested)
            {
                // What is left of the body can't be told from a next request.
                context.Response.Headers.Connection = "close";
                // A chunk whose size is no number of 32 bits is an IOException of no kind of its own.
                context.Response.StatusCode = (rejected as BadHttpRequestException)?.StatusCode ?? StatusCodes.Status400BadRequest;
                return;
            }
            catch (OperationCanceledException)
            {
                return; // The connection is gone, and nobody left to answer.
            }

            await next(context);
        }
    }

    /// <summary>
    /// Gives a body to the answers that Kestrel gives before any middleware runs (malformed, too long, too slow).
    /// https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/diagnostics
    /// </summary>
    private sealed class RejectedRequests : IObserver<KeyValuePair<string, object?>>
    {
        public const string EventName = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

        public void OnNext(KeyValuePair<string, object?> diagnosticEvent)
        {
            // Status and Allow are set by now; nothing has been sent.
            if (diagnosticEvent.Value is not IFeatureCollection features
                || features.Get<IHttpResponseFeature>() is not { HasStarted: false } response
                || features.Get<IConnectionTransportFeature>() is not { Transport: var connection }
                || IsHttp2(connection.Input))
            {
                return;
            }

            var body = Reply.ForStatus(response.StatusCode).Body;
            response.Headers.ContentType = Reply.ContentType;
            response.Headers.ContentLength = body.Length;
            response.Headers.Connection = "close";

            // The response's own stream doesn't exist before a request has been parsed, so the body follows the
            // headers on the connection itself. Both only go into its buffer: nothing here waits for the client.
            var started = features.GetRequiredFeature<IHttpResponseBodyFeature>().StartAsync();
            Debug.Assert(started.IsCompletedSuccessfully);
            if (!HttpMethods.IsHead(features.GetRequiredFeature<IHttpRequestFeature>().Method))
            {
                connection.Output.Write(body.Span);
            }
        }

        // Kestrel answers an HTTP/2 client with a frame that such a client understands. The first line of the preface,
        // "PRI * HTTP/2.0", has been consumed by now: https://www.rfc-editor.org/rfc/rfc9113#section-3.4
        private static bool IsHttp2(PipeReader input)
        {
            input.CancelPendingRead(); // or what Kestrel has looked at isn't given again
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
