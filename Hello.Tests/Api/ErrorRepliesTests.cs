using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace Hello.Tests;

/// <summary>The reply to an error. A request that Kestrel rejects gets it only if Kestrel does all that this relies on.</summary>
public sealed class ErrorRepliesTests
{
    private const string Head = "HTTP/1.1 400 Bad Request\r\n\r\n";

    /// <summary>What Kestrel may do one day before it has sent the headers.</summary>
    private static readonly Dictionary<string, Action<Kestrel>> Surprises = new()
    {
        ["no transport"] = kestrel => kestrel.Features.Set<IConnectionTransportFeature>(null),
        ["headers that are out already"] = kestrel => kestrel.IsStarted = true,
        ["a start that does nothing"] = kestrel => kestrel.OnStart = () => { },
        ["a start that throws"] = kestrel => kestrel.OnStart = () => throw new InvalidOperationException(),
    };

    public static TheoryData<string> SurprisesBefore => [.. Surprises.Keys];

    [Fact]
    public void The_reply_to_each_status_is_JSON_with_its_code_and_its_reason() => Assert.All(Enumerable.Range(100, 500), code =>
    {
        using var json = JsonDocument.Parse(Reply.ForStatus(code).Body);

        Assert.Equal(code, json.RootElement.GetProperty("code").GetInt32());
        Assert.Equal(ReasonPhrases.GetReasonPhrase(code), json.RootElement.GetProperty("result").GetString());
    });

    [Fact]
    public async Task An_answer_of_Kestrel_has_our_body()
    {
        var kestrel = new Kestrel();

        Reject(kestrel.Features);

        Assert.Equal((Head + """{"code":400,"result":"Bad Request"}""", false), (await kestrel.ReadAsync(), kestrel.IsAborted));
        Assert.Equal(("application/json; charset=utf-8", 35), (kestrel.Headers.ContentType, kestrel.Headers.ContentLength));
    }

    [Theory]
    [MemberData(nameof(SurprisesBefore))]
    public async Task A_surprise_before_the_headers_are_out_leaves_Kestrel_s_own_answer(string surprise)
    {
        var kestrel = new Kestrel();
        Surprises[surprise](kestrel);

        Reject(kestrel.Features);

        Assert.Equal(("", false), (await kestrel.ReadAsync(), kestrel.IsAborted));
        Assert.Equal(["Allow"], kestrel.Headers.Keys.Where(name => name != "Connection")); // Kestrel closes the connection anyway
    }

    [Fact]
    public async Task Headers_that_go_elsewhere_end_the_connection()
    {
        var kestrel = new Kestrel();
        kestrel.OnStart = () => kestrel.IsStarted = true;

        Reject(kestrel.Features);

        Assert.Equal(("", true), (await kestrel.ReadAsync(), kestrel.IsAborted));
    }

    private static void Reject(FeatureCollection features) => new ErrorReplies.RejectedRequests().OnNext(new("", features));

    /// <summary>What the features of Kestrel do when it rejects a request.</summary>
    private sealed class Kestrel : HttpResponseFeature, IConnectionTransportFeature, IHttpRequestLifetimeFeature, IDuplexPipe
    {
        private readonly Pipe _output = new();

        public Kestrel()
        {
            (StatusCode, Transport, OnStart) = (400, this, Start);
            Headers.Allow = "GET";
            Features.Set<IHttpResponseFeature>(this);
            Features.Set<IHttpResponseBodyFeature>(new ResponseBody(this));
            Features.Set<IConnectionTransportFeature>(this);
            Features.Set<IHttpRequestLifetimeFeature>(this);
        }

        public FeatureCollection Features { get; } = [];

        public Action OnStart { get; set; }

        public bool IsStarted { get; set; }

        public bool IsAborted { get; private set; }

        public override bool HasStarted => IsStarted;

        public IDuplexPipe Transport { get; set; }

        public PipeReader Input { get; } = new Pipe().Reader;

        public PipeWriter Output => _output.Writer;

        public CancellationToken RequestAborted { get; set; }

        public void Abort() => IsAborted = true;

        public async Task<string> ReadAsync()
        {
            await Output.CompleteAsync();
            return Encoding.ASCII.GetString((await _output.Reader.ReadAsync()).Buffer);
        }

        private void Start()
        {
            IsStarted = true;
            Encoding.ASCII.GetBytes(Head, Output);
        }

        private sealed class ResponseBody(Kestrel kestrel) : StreamResponseBodyFeature(Stream.Null)
        {
            public override Task StartAsync(CancellationToken cancellationToken = default)
            {
                kestrel.OnStart();
                return Task.CompletedTask;
            }
        }
    }
}
