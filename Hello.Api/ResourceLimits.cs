using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Hello.Api;

/// <summary>The container's limit of processes. If it is too low, .NET reports a lack of memory, so this class reads the limit.</summary>
internal static partial class ResourceLimits
{
    /// <summary>The number of threads that the API needs without telemetry. The kernel counts each thread as a process. The alpine build also has the threads of the JIT compiler.</summary>
    private static int Needed => RuntimeFeature.IsDynamicCodeCompiled ? 18 : 12;

    /// <summary>The folder of the controller of processes, in version 2 and 1 of control groups: https://docs.kernel.org/admin-guide/cgroup-v2.html#pid.</summary>
    private static readonly string[] Folders = ["/sys/fs/cgroup", "/sys/fs/cgroup/pids"];

    /// <summary>Whether so few processes are allowed that the API cannot start.</summary>
    public static bool AllowsTooFewProcesses => int.TryParse(Read("pids.max"), NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit < Needed;

    /// <summary>Whether a thread could not be started because of the limit. The file has a line "max 3", the number of times.</summary>
    public static bool HaveRefusedProcess => Read("pids.events").Split(' ', '\n') is ["max", not "0", ..];

    /// <summary>What is wrong, and what would be right.</summary>
    public static string ProcessLimitReason => $"The container may have {Read("pids.max")} processes, and each thread counts as one. The API needs more. Set --pids-limit, or its like, to 64.";

    /// <summary>Writes a line to standard error and ends the process with exit code 1. Nothing else runs, because it could need another thread.</summary>
    public static void End(string line)
    {
        try
        {
            WriteError(line);
        }
        finally
        {
            if (OperatingSystem.IsLinux())
            {
                Exit(1);
            }

            Environment.FailFast(line);
        }
    }

    /// <summary>Writes a line to standard error without the class Console, which needs a thread.</summary>
    public static void WriteError(string line)
    {
        using var error = new FileStream(new SafeFileHandle(2, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        error.Write(Encoding.UTF8.GetBytes($"error: {line}\n"));
    }

    /// <summary><see cref="Environment.Exit"/> would wait for the host, which needs threads: https://man7.org/linux/man-pages/man2/_exit.2.html.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Exit(int code);

    private static string Read(string file)
    {
        foreach (var folder in Folders)
        {
            var path = $"{folder}/{file}";
            try
            {
                // This machine may have the other version of control groups, or show none.
                if (File.Exists(path))
                {
                    return File.ReadAllText(path).TrimEnd();
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The limit is not for this process to know.
            }
        }

        return "";
    }
}
