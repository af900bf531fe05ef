using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Hello.Api.Native;

/// <summary>Keeps the process within few threads, and ends it in one line if memory or threads are used up.</summary>
internal static partial class ProcessLimits
{
    public const string OutOfMemory = "Out of memory. Give the container more, or less to do.";

    /// <summary>There is no memory to make it when it is needed.</summary>
    private static readonly byte[] OutOfMemoryLine = Encode(OutOfMemory);

    [ThreadStatic]
    private static bool _isFindingOut;
    private static readonly Lock Ending = new();

    /// <summary>Without telemetry. The kernel counts each thread as a process. The alpine build also has those of the JIT compiler.</summary>
    private static int NeededThreads => RuntimeFeature.IsDynamicCodeCompiled ? 18 : 12;

    /// <summary>Says that the kernel has refused a thread; null if it has not. The file has a line "max 3", the number of times.</summary>
    public static string? Refusal => Read("pids.events").Split(' ', '\n') is ["max", not "0", ..] ? TooFewThreads : null;

    private static string TooFewThreads =>
        $"The container may have {Read("pids.max")} processes, and each thread counts as one. The API needs more. Set --pids-limit, or its like, to 64.";

    /// <summary>Sets what the runtime reads before it starts its threads, and ends the process if it may not start enough.</summary>
    public static void Apply()
    {
        if (int.TryParse(Read("pids.max"), CultureInfo.InvariantCulture, out var limit) && limit < NeededThreads)
        {
            End(TooFewThreads); // .NET would report a lack of memory
        }

        AppDomain.CurrentDomain.FirstChanceException += OnException;

        // Answers a request on the thread that has read it, without a way through the thread pool. This serves an eighth more
        // requests, and is safe because nothing that answers blocks. The runtime starts such a thread for each core. On a large
        // machine, these and the threads of the pool, which Hello.Api.csproj limits, would be more than a container may have.
        // https://github.com/dotnet/runtime/blob/main/src/libraries/System.Net.Sockets/src/System/Net/Sockets/SocketAsyncEngine.Unix.cs
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", Math.Min(Environment.ProcessorCount, 8).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Writes a line to standard error and ends the process with exit code 1. Nothing else runs, because it could need another thread.</summary>
    public static int End(string line) => End(Encode(line));

    private static int End(byte[] line)
    {
        if (OperatingSystem.IsWindows())
        {
            Console.OpenStandardError().Write(line);
            return 1;
        }

        lock (Ending)
        {
            _ = Write(2, line, line.Length);
            Exit(1);
            return 1;
        }
    }

    private static byte[] Encode(string line) => Encoding.UTF8.GetBytes($"error: {line.ReplaceLineEndings(" ")}\n");

    /// <summary>
    /// Ends the process if memory or threads are used up. Otherwise it runs on without answering: Kestrel accepts no further
    /// connection once one has failed for lack of memory, and there is no memory to log that. If there is still 1 MB, somebody
    /// has asked for more, as OpenTelemetry does for a long queue, and can handle that.
    /// </summary>
    private static void OnException(object? sender, FirstChanceExceptionEventArgs thrown)
    {
        if (thrown.Exception is not OutOfMemoryException || _isFindingOut)
        {
            return;
        }

        _isFindingOut = true;
        try
        {
            GC.KeepAlive(GC.AllocateUninitializedArray<byte>(1024 * 1024));
            if (Refusal is { } refusal)
            {
                End(refusal);
            }
        }
        catch (OutOfMemoryException)
        {
            End(OutOfMemoryLine);
        }

        _isFindingOut = false;
    }

    /// <summary>The class Console needs a thread, and memory: https://man7.org/linux/man-pages/man2/write.2.html.</summary>
    [LibraryImport("libc", EntryPoint = "write")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(int file, byte[] bytes, nint length);

    /// <summary><see cref="Environment.Exit"/> would wait for the host, which needs threads: https://man7.org/linux/man-pages/man2/_exit.2.html.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Exit(int code);

    /// <summary>Reads a file of the controller of processes, in version 2 or 1 of control groups: https://docs.kernel.org/admin-guide/cgroup-v2.html#pid.</summary>
    private static string Read(string file)
    {
        try
        {
            var path = ((string[])[$"/sys/fs/cgroup/{file}", $"/sys/fs/cgroup/pids/{file}"]).FirstOrDefault(File.Exists);
            return path is null ? "" : File.ReadAllText(path).TrimEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // the machine does not show the limit
        }
    }
}
