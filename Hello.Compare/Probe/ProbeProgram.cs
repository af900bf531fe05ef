using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Hello.Compare.Probe;

internal enum ProbeQuestion { DescribeMachine, AnyListens, FirstAnswer, Look, Processes, Load }

/// <summary>A request to a probe, one line of JSON.</summary>
internal sealed record ProbeRequest(ProbeQuestion Question, int Port = 0, string Path = "/", LoadOptions? Load = null);

/// <summary>The part of this program that runs in a container of its own. It shares the network of the measured one, or the network and the processes.</summary>
internal static class ProbeProgram
{
    public const string Command = "probe";

    private static readonly TimeSpan FirstAnswerPause = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan Practice = TimeSpan.FromSeconds(1);

    /// <summary>Answers each line of standard input with a line of standard output, until the input ends. It ends too if the program that asks is killed.</summary>
    public static async Task<int> RunAsync()
    {
        var lines = Channel.CreateUnbounded<string>();
        _ = Task.Run(async () =>
        {
            while (await Console.In.ReadLineAsync() is { } line)
            {
                lines.Writer.TryWrite(line);
            }

            Environment.Exit(0); // also in the middle of an answer
        });
        await foreach (var line in lines.Reader.ReadAllAsync())
        {
            try
            {
                Console.WriteLine(JsonSerializer.Serialize(await AnswerAsync(JsonSerializer.Deserialize<ProbeRequest>(line)!)));
            }
            catch (MeasurementException e)
            {
                await Console.Error.WriteLineAsync(e.Message);
                return 1;
            }
        }

        return 0;
    }

    private static async Task<object> AnswerAsync(ProbeRequest request)
    {
        var address = new IPEndPoint(IPAddress.Loopback, request.Port);
        return request.Question switch
        {
            ProbeQuestion.DescribeMachine => DescribeMachine(),
            ProbeQuestion.AnyListens => ContainerProcesses.AnyListens(request.Port),
            ProbeQuestion.FirstAnswer => await FirstAnswer.WaitAsync(address, request.Path, FirstAnswerPause, CancellationToken.None),
            ProbeQuestion.Look => await Look.AtAsync(address, request.Path),
            ProbeQuestion.Processes => ContainerProcesses.Read(),
            _ => await SendLoadAsync(new($"http://{address}{request.Path}"), request.Load!),
        };
    }

    /// <summary>Sends load. If the container's program is not to be warmed up, at least the code that sends is: on an answer of its own.</summary>
    private static async Task<LoadResult> SendLoadAsync(Uri url, LoadOptions load)
    {
        if (!load.WarmUp)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            _ = Task.Run(async () =>
            {
                while (true)
                {
                    _ = AnswerAsync(await listener.AcceptTcpClientAsync());
                }
            });
            await LoadBurst.SendAsync(new($"http://{listener.LocalEndpoint}"), load with { Requests = int.MaxValue, Duration = Practice });
        }

        return await LoadBurst.SendAsync(url, load);

        static async Task AnswerAsync(TcpClient client)
        {
            using var stream = client.GetStream();
            for (var request = new byte[1024]; await stream.ReadAsync(request) > 0;)
            {
                await stream.WriteAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
            }
        }
    }

    /// <summary>Processor, cores, memory and system of the machine that this runs on, without its host name.</summary>
    public static string DescribeMachine()
    {
        // "model name	: AMD EPYC …": proc_cpuinfo(5)
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9;
        return $"{processor ?? "processor"} ({RuntimeInformation.OSArchitecture}), "
            + string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, {memory:N0} GB, ")
            + $"{File.ReadAllText("/proc/sys/kernel/ostype").Trim()} {Environment.OSVersion.Version}";
    }
}
