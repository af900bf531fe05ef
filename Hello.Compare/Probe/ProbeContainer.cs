using System.Threading.Channels;
using CliWrap;

namespace Hello.Compare.Probe;

/// <summary>
/// A container that measures another one from its side: it shares the network of that one, or the network and the processes. So no
/// proxy, address translation or published port is part of a figure, the image needs nothing in it, and the engine may be anywhere.
/// </summary>
public sealed class ProbeContainer : IAsyncDisposable
{
    /// <summary>Lets a process finish the work that goes on after its first, or its last, answer. Memory is read after it.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private const string Label = "io.hello.probe";
    private readonly ContainerEngine _engine;
    private readonly string _name;
    private readonly Channel<string> _requests = Channel.CreateUnbounded<string>();
    private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
    private readonly Action<string> _leftBehind;
    private Task _run = Task.CompletedTask;
    private string _error = "";

    private ProbeContainer(ContainerEngine engine, string name, Action<string> leftBehind) => (_engine, _name, _leftBehind) = (engine, name, leftBehind);

    /// <summary>The image that it runs on: the base image of the build "alpine", which has the .NET runtime.</summary>
    private static string Image => Dockerfile.Parse(File.ReadLines(HelloImage.Of(RepositoryFolder.Find(), "alpine").Dockerfile)).Base;

    /// <summary>Starts one beside a running container.</summary>
    /// <param name="container">The name or the ID of the container.</param>
    /// <param name="leftBehind">Receives one line if the probe could not be removed.</param>
    /// <param name="options">More options of <c>docker run</c>.</param>
    /// <exception cref="MeasurementException">It could not be started.</exception>
    public static Task<ProbeContainer> StartBesideAsync(
        ContainerEngine engine, string container, Action<string> leftBehind, CancellationToken cancellationToken, params string[] options) => StartAsync(
        engine,
        [
            "--pid", $"container:{container}", "--network", $"container:{container}",
            // To read about processes of other users, and of another SELinux label.
            "--cap-add", "SYS_PTRACE", "--security-opt", "label=disable", .. options,
        ],
        leftBehind,
        cancellationToken);

    /// <summary>The options of <c>docker run</c> for a container that shares the network of this one.</summary>
    internal IReadOnlyList<string> NetworkOptions => ["--network", $"container:{_name}"];

    /// <summary>Processor, cores, memory and system of the machine that the containers run on.</summary>
    internal Task<string> DescribeMachineAsync(CancellationToken cancellationToken) =>
        AskAsync<string>(new(ProbeQuestion.DescribeMachine), cancellationToken);

    internal Task<bool> AnyListensAsync(int port, CancellationToken cancellationToken) => AskAsync<bool>(new(ProbeQuestion.AnyListens, port), cancellationToken);

    /// <summary>Waits for the first answer with success.</summary>
    /// <returns>Its time, by the clock of the machine that the containers run on.</returns>
    internal Task<DateTimeOffset> WaitForAnswerAsync(int port, string path, CancellationToken cancellationToken) =>
        AskAsync<DateTimeOffset>(new(ProbeQuestion.FirstAnswer, port, path), cancellationToken);

    /// <summary>Looks what the container does instead of answering with success.</summary>
    internal Task<Look> LookAsync(int port, string path, CancellationToken cancellationToken) => AskAsync<Look>(new(ProbeQuestion.Look, port, path), cancellationToken);

    /// <summary>Reads the facts about the container's processes.</summary>
    /// <exception cref="MeasurementException">They cannot be read.</exception>
    public Task<ProcessFacts> ReadProcessesAsync(CancellationToken cancellationToken) => AskAsync<ProcessFacts>(new(ProbeQuestion.Processes), cancellationToken);

    /// <summary>Sends load.</summary>
    /// <exception cref="MeasurementException">The container has ended.</exception>
    public Task<LoadResult> SendLoadAsync(int port, string path, LoadOptions options, CancellationToken cancellationToken) =>
        AskAsync<LoadResult>(new(ProbeQuestion.Load, port, path, options), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _requests.Writer.TryComplete(); // it ends when its input ends
        await new TemporaryResources(_engine, _leftBehind).RemoveAsync("container", _name);
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Starts one. Another container can then share its network.</summary>
    internal static async Task<ProbeContainer> StartAsync(
        ContainerEngine engine, IEnumerable<string> options, Action<string> leftBehind, CancellationToken cancellationToken)
    {
        // The engine keeps one that it made and did not start, because the connection to it broke between the two.
        await engine.TryRunAsync(["container", "prune", "--force", "--filter", $"label={Label}", "--filter", "until=10m"], cancellationToken);
        for (var isPulled = false; ; isPulled = true)
        {
            var probe = new ProbeContainer(engine, TemporaryResources.NewName("probe"), leftBehind);
            try
            {
                await probe.StartAsync(options, cancellationToken);
                return probe;
            }
            catch (MeasurementException e) when (!isPulled && ContainerEngine.IsNoImage(e))
            {
                // A builder may keep the base image of a build to itself.
                var pull = await engine.TryRunAsync(["image", "pull", Image], cancellationToken);
                if (pull.ExitCode != 0)
                {
                    throw new MeasurementException($"the probe that measures needs {Image}, which cannot be pulled: {pull.Reason}", e);
                }
            }
            catch
            {
                await probe.DisposeAsync();
                // Ctrl+C also reaches the engine's command. The engine may then make the container a moment later.
                await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);
                await probe.DisposeAsync();
                throw;
            }
        }
    }

    private async Task StartAsync(IEnumerable<string> options, CancellationToken cancellationToken)
    {
        var platform = $"linux/{await _engine.GetArchitectureAsync(cancellationToken)}";
        _run = RunAsync(await _engine.CommandAsync(
            [
                "container", "run", "--name", _name, "--label", Label, "--rm", "--interactive", "--pull", "never", "--platform", platform, .. options,
                // The load then takes less work than the answers to it.
                "--env", "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS=1", "--env", "DOTNET_EnableDiagnostics=0",
                // It waits for the program. If this program is killed before, the input ends, and so does the container.
                "--user", "0", "--entrypoint", "sh", Image, "-c", $"echo && read -r line && exec dotnet /probe/Hello.Compare.dll {ProbeProgram.Command}",
            ],
            cancellationToken));
        await ReadAsync(cancellationToken);
        var copy = await _engine.CommandAsync(["container", "cp", "-", $"{_name}:/"], cancellationToken);
        await ProgramRunner.RunAsync(copy.WithStandardInputPipe(PipeSource.Create(WriteProgramAsync)), cancellationToken);
        _requests.Writer.TryWrite("");
    }

    /// <summary>Stays connected with the container's input and output until it ends.</summary>
    private async Task RunAsync(Command command)
    {
        var input = PipeSource.Create(async (stream, token) =>
        {
            await foreach (var request in _requests.Reader.ReadAllAsync(token))
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes($"{request}\n"), token);
                await stream.FlushAsync(token);
            }
        });
        var output = PipeTarget.ToDelegate(answer => _answers.Writer.TryWrite(answer));
        _error = (await ProgramRunner.TryRunAsync(command.WithStandardInputPipe(input).WithStandardOutputPipe(output), CancellationToken.None)).Reason;
        _answers.Writer.TryComplete();
    }

    /// <summary>This assembly and the version of .NET that it needs, as a tar.</summary>
    private static async Task WriteProgramAsync(Stream stream, CancellationToken cancellationToken)
    {
        await using var tar = new TarWriter(stream, leaveOpen: true);
        await using var assembly = File.OpenRead(typeof(ProbeContainer).Assembly.Location);
        await WriteAsync("dll", assembly);
        var framework = new { name = "Microsoft.NETCore.App", version = $"{Environment.Version.Major}.0.0" };
        using var configuration = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new { runtimeOptions = new { framework } }));
        await WriteAsync("runtimeconfig.json", configuration);

        Task WriteAsync(string extension, Stream data) =>
            tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, $"probe/Hello.Compare.{extension}") { DataStream = data }, cancellationToken);
    }

    private async Task<T> AskAsync<T>(ProbeRequest request, CancellationToken cancellationToken)
    {
        _requests.Writer.TryWrite(JsonSerializer.Serialize(request));
        return JsonSerializer.Deserialize<T>(await ReadAsync(cancellationToken))!;
    }

    private async Task<string> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _answers.Reader.ReadAsync(cancellationToken);
        }
        catch (ChannelClosedException e)
        {
            throw new MeasurementException($"the probe that measures has ended: {_error}", e);
        }
    }
}
