using System.Text.Json;
using Hello.Api;
using Microsoft.AspNetCore.WebUtilities;

namespace Hello.Tests;

public sealed class ReplyTests
{
    [Fact]
    public void The_reply_to_each_status_is_JSON_with_its_code_and_its_reason() => Assert.All(Enumerable.Range(100, 500), code =>
    {
        using var json = JsonDocument.Parse(Reply.ForStatus(code).Body);

        Assert.Equal(code, json.RootElement.GetProperty("code").GetInt32());
        Assert.Equal(ReasonPhrases.GetReasonPhrase(code), json.RootElement.GetProperty("result").GetString());
    });
}
