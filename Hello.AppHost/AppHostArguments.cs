namespace Hello.AppHost;

/// <summary>Ends the program if it is given an argument that it would ignore, such as a typo.</summary>
internal static class AppHostArguments
{
    /// <summary>Aspire's options and those of .NET's host that are one word: https://aspire.dev/app-host/configuration/.</summary>
    private static readonly HashSet<string> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        "operation", "publisher", "step", "list-steps", "output-path", "log-level", "include-exception-details", "clear-cache", "yes",
        "dcp-cli-path", "dcp-container-runtime", "dcp-dependency-check-timeout", "dcp-dashboard-path",
        "environment", "applicationName", "contentRoot", "urls",
    };

    /// <summary>Writes one line about an unknown argument and ends the program with 1.</summary>
    public static void EndIfUnknown(string[] args)
    {
        // The options of the Aspire CLI, which sets the variable, may be newer than the list above.
        if (FindUnknown(args, anyName: Environment.GetEnvironmentVariable("ASPIRE_BACKCHANNEL_PATH") is { Length: > 0 }) is { } unknown)
        {
            Console.Error.WriteLine(
                $"error: The AppHost does not know the argument '{unknown}'. It takes settings such as --DcpPublisher:RandomizePorts=true, "
                    + "and --operation publish. To measure the images, run: dotnet run --project Hello.Compare -- --help");
            Environment.Exit(1);
        }
    }

    /// <summary>Finds the first argument that .NET's command line configuration ignores or refuses, or whose name nothing reads.</summary>
    /// <remarks>https://learn.microsoft.com/dotnet/core/extensions/configuration-providers#command-line-configuration-provider</remarks>
    /// <param name="args">The command line: <c>--name value</c>, <c>--name=value</c>, <c>/name value</c>, <c>/name=value</c>, <c>name=value</c>.</param>
    /// <param name="anyName">Whether all names are known.</param>
    internal static string? FindUnknown(string[] args, bool anyName)
    {
        for (var i = 0; i < args.Length; i++)
        {
            var argument = args[i];
            var prefix = argument.StartsWith("--", StringComparison.Ordinal) ? 2 : argument.StartsWith('/') ? 1 : 0;
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? argument[prefix..] : argument[prefix..Math.Max(equals, prefix)];
            var hasValue = equals >= 0 || (prefix > 0 && ++i < args.Length);
            // The name of a variable, or of a setting in a section, can be anything. Of single words, only those above are read.
            if (!hasValue || name.StartsWith('-') || name.Length == 0 || !(anyName || name.AsSpan().ContainsAny(':', '_') || Known.Contains(name)))
            {
                return argument;
            }
        }

        return null;
    }
}
