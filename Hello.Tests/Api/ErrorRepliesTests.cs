using Microsoft.AspNetCore.WebUtilities;

namespace Hello.Tests;

/// <summary>The reply to an error. HelloTests gets it from the three builds, also to requests that Kestrel rejects.</summary>
public sealed class ErrorRepliesTests
{
    [Fact]
    public void The_reply_to_each_status_is_JSON_with_its_code_and_its_reason() => Assert.All(Enumerable.Range(100, 500), code =>
    {
        using var json = JsonDocument.Parse(Reply.ForStatus(code).Body);

        Assert.Equal(code, json.RootElement.GetProperty("code").GetInt32());
        Assert.Equal(ReasonPhrases.GetReasonPhrase(code), json.RootElement.GetProperty("result").GetString());
    });
}
