using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.WebUtilities;

namespace Hello.Api;

/// <summary>The one shape of every answer, errors included.</summary>
/// <param name="Code">The HTTP status code.</param>
/// <param name="Result">The greeting or, for an error, the standard reason phrase.</param>
public sealed record Reply(int Code, string Result) : IResult
{
    /// <summary>The media type of every answer.</summary>
    public const string ContentType = "application/json; charset=utf-8";

    private byte[]? _body;

    /// <summary>The reply that says no more than what the status code means.</summary>
    public static Reply ForStatus(int code) => new(code, ReasonPhrases.GetReasonPhrase(code));

    /// <summary>The reply as UTF-8 JSON, made once.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> Body => _body ??= JsonSerializer.SerializeToUtf8Bytes(this, ReplyJson.Default.Reply);

    /// <summary>Writes the reply with its length: the framework's JSON results go out chunked.</summary>
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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Reply))]
internal sealed partial class ReplyJson : JsonSerializerContext;
