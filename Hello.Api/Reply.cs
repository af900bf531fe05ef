using Microsoft.AspNetCore.WebUtilities;

namespace Hello.Api;

/// <summary>The shape of every answer, errors included.</summary>
/// <param name="code">The HTTP status code.</param>
/// <param name="result">The greeting or, for an error, the standard reason phrase.</param>
internal sealed class Reply(int code, string result)
{
    /// <summary>The media type of every answer.</summary>
    public const string ContentType = "application/json; charset=utf-8";

    /// <summary>The reply as UTF-8 JSON: <c>{"code":200,"result":"Hello World!"}</c>. No result has a character that JSON escapes.</summary>
    public ReadOnlyMemory<byte> Body { get; } = Encoding.UTF8.GetBytes(
        $$"""{"code":{{code.ToString(CultureInfo.InvariantCulture)}},"result":"{{result}}"}""");

    /// <summary>Makes a reply that only says what the status code means.</summary>
    public static Reply ForStatus(int code) => new(code, ReasonPhrases.GetReasonPhrase(code));

    /// <summary>Writes the reply with its length. The framework's JSON results are sent in chunks instead.</summary>
    public Task ExecuteAsync(HttpContext context)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = ContentType;
        context.Response.ContentLength = Body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.BodyWriter.WriteAsync(Body).AsTask();
    }
}
