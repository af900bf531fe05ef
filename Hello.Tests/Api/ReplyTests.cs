using System.Text;
using Hello.Api;

namespace Hello.Tests;

/// <summary>Two replies are equal if their code and their result are equal. The body is made from both.</summary>
public sealed class ReplyTests
{
    /// <summary>Which of two replies has its body made before they are compared.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Replies_are_equal_if_code_and_result_are(bool firstIsRead, bool secondIsRead)
    {
        var first = Read(new Reply(200, "Hello World!"), firstIsRead);
        var second = Read(new Reply(200, "Hello World!"), secondIsRead);

        Assert.Equal(first, second);
        Assert.True(first == second);
        Assert.Equal(first.GetHashCode(), second.GetHashCode());
        Assert.NotEqual(first, Read(new Reply(201, "Hello World!"), secondIsRead));
        Assert.NotEqual(first, Read(new Reply(200, "Hello"), secondIsRead));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_changed_copy_has_the_body_of_the_copy(bool isRead)
    {
        var copy = Read(new Reply(200, "Hello World!"), isRead) with { Code = 404, Result = "Not Found" };

        Assert.Equal(new Reply(404, "Not Found"), copy);
        Assert.Equal("""{"code":404,"result":"Not Found"}""", Encoding.UTF8.GetString(copy.Body.Span));
    }

    private static Reply Read(Reply reply, bool isRead)
    {
        if (isRead)
        {
            Assert.False(reply.Body.IsEmpty);
        }

        return reply;
    }
}
