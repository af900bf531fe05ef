using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace Hello.Api;

/// <summary>The shape of every answer, errors included.</summary>
/// <param name="Code">The HTTP status code.</param>
/// <param name="Result">The greeting or, for an error, the standard reason phrase.</param>
public sealed record Reply(int Code, string Result)
{
    /// <summary>The media type of every answer.</summary>
    public const string ContentType = "application/json; charset=utf-8";

    private byte[]? _body;

    /// <summary>Makes the copy of a <c>with</c> expression, whose body differs.</summary>
    private Reply(Reply original) => (Code, Result) = original;

    /// <summary>Makes a reply that only says what the status code means.</summary>
    public static Reply ForStatus(int code) => new(code, ReasonPhrases.GetReasonPhrase(code));

    /// <summary>The reply as UTF-8 JSON, which is made once.</summary>
    public ReadOnlyMemory<byte> Body => _body ??= Encoding.UTF8.GetBytes($"{{\"code\":{Code.ToString(CultureInfo.InvariantCulture)},\"result\":\"{JsonEncodedText.Encode(Result)}\"}}");

    /// <summary>Tells whether two replies say the same, no matter whether their bodies have been made.</summary>
    public bool Equals(Reply? other) => other is not null && (Code, Result) == (other.Code, other.Result);

    /// <inheritdoc/>
    public override int GetHashCode() => Code;

    /// <summary>Writes the reply with its length. The framework's JSON results are sent in chunks instead.</summary>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = Code;
        httpContext.Response.ContentType = ContentType;
        httpContext.Response.ContentLength = Body.Length;
        return HttpMethods.IsHead(httpContext.Request.Method)
            ? Task.CompletedTask
            : httpContext.Response.BodyWriter.WriteAsync(Body).AsTask();
    }
}
