namespace Hello.Tests;

/// <summary>
/// The greeting of the three builds, asked through the AppHost: the shortest example of a test with Aspire.Hosting.Testing. The fixture
/// builds the images and starts the AppHost with its containers, once for all tests.
/// </summary>
[Collection(HelloApplicationCollection.Name)]
[Trait("Needs", "Engine")]
public sealed class GreetingTests(HelloApplication hello)
{
    [Theory]
    [MemberData(nameof(HelloImages.All), MemberType = typeof(HelloImages))]
    public async Task Get_hello_answers_the_greeting_byte_for_byte(ImageSpecification image)
    {
        using var client = hello.App.CreateHttpClient(image.Resource);
        using var response = await client.GetAsync(new Uri("/hello", UriKind.Relative));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Encoding.UTF8.GetBytes(HelloImages.Greeting), await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(36, response.Content.Headers.ContentLength);
        Assert.Empty(response.Headers.Server);
    }
}
