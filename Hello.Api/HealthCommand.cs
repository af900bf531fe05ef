using System.Net.Security;
using System.Security.Authentication;

namespace Hello.Api;

/// <summary><c>--health</c> asks the API in the same container whether it is healthy.</summary>
/// <remarks>An image from scratch has no other command to ask with: https://docs.docker.com/reference/dockerfile/#healthcheck.</remarks>
internal static class HealthCommand
{
    public const string Argument = "--health";

    /// <summary>Together with the start of the process, this is less than 2 s.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1.5);

    /// <summary>Asks each address that the settings of the API name, until one says that it is healthy. Writes nothing.</summary>
    /// <returns>The exit code: 0 if the API is healthy, else 1.</returns>
    public static int Run(string[] args)
    {
        try
        {
            // The engine gives each process of a container the same variables, but not the same arguments.
            string[] settings = [.. ReadArguments().Concat(args).Where(arg => arg != Argument)];
            using var deadline = new CancellationTokenSource(Limit);
            return ListenAddresses.Read(Settings.AddTo(new(), settings)).Any(listen => IsHealthy(BindingAddress.Parse(listen.Address), deadline.Token)) ? 0 : 1;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            return 1; // the API cannot have started with these settings
        }
    }

    /// <summary>Reads the arguments of the container's first process. It is the API, or an init that was given the API's command line.</summary>
    private static string[] ReadArguments()
    {
        const string commandLine = "/proc/1/cmdline"; // a zero behind each argument: https://man7.org/linux/man-pages/man5/proc_pid_cmdline.5.html
        var first = File.Exists(commandLine) ? File.ReadAllText(commandLine).TrimEnd('\0').Split('\0') : [];
        var program = Path.GetFileName(Environment.GetCommandLineArgs()[0]);
        var at = Array.FindIndex(first, argument => Path.GetFileName(argument) == program);
        return at < 0 ? [] : first[(at + 1)..];
    }

    private static bool IsHealthy(BindingAddress address, CancellationToken deadline)
    {
        // Kestrel listens on every address if the host is none: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints
        var isOne = IPAddress.TryParse(address.Host, out var ip) && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any);
        EndPoint endpoint = address.IsUnixPipe ? new UnixDomainSocketEndPoint(address.UnixPipePath) : new IPEndPoint(isOne ? ip! : IPAddress.Loopback, address.Port);
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // A blocking call ends only if its socket is disposed.
            using var cancellation = deadline.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
            socket.Connect(endpoint);
            using var connection = Open(socket, address.Scheme);
            connection.Write(Encoding.ASCII.GetBytes($"GET {Extensions.HealthPath} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
            var status = new byte["HTTP/1.1 200 ".Length];
            connection.ReadExactly(status);
            return status.AsSpan().SequenceEqual("HTTP/1.1 200 "u8);
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or AuthenticationException)
        {
            return false;
        }
    }

    private static Stream Open(Socket socket, string scheme)
    {
        var connection = new NetworkStream(socket);
        if (!HttpSupport.IsFull || !scheme.Equals("https", StringComparison.OrdinalIgnoreCase))
        {
            return connection;
        }

#pragma warning disable CA5359 // Nothing secret is sent, and the certificate has the name of the service, not of this host.
        var tls = new SslStream(connection, leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
        tls.AuthenticateAsClient("localhost");
        return tls;
    }
}
