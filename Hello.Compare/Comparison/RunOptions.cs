namespace Hello.Compare.Comparison;

/// <summary>The options of <c>docker run</c> for a container, as a user gives them.</summary>
internal sealed class RunOptions
{
    /// <summary>The options that concern the network. The container shares the network of a probe, so the probe has to get them.</summary>
    private static readonly HashSet<string> NetworkOptions =
    [
        "--network", "--net", "--publish", "-p", "--publish-all", "-P", "--expose", "--hostname", "-h", "--domainname", "--add-host", "--dns", "--dns-option", "--dns-opt",
        "--dns-search", "--ip", "--ip6", "--link", "--link-local-ip", "--mac-address", "--network-alias", "--net-alias",
    ];

    /// <summary>A shorter value is not hidden: it is no secret, and it may be a part of many words.</summary>
    private const int ShortestSecret = 3;

    private readonly List<string> _secrets = [];

    /// <param name="all">Each option, and its value in the same item, behind <c>=</c>, or in the next one.</param>
    public RunOptions(IReadOnlyList<string> all)
    {
        List<string> network = [];
        List<string> other = [];
        for (var i = 0; i < all.Count; i++)
        {
            // "-p8080:80" and "-eNAME=VALUE", or "--publish=8080:80"
            var (option, value) = all[i] is ['-', not '-', _, ..] ? (all[i][..2], all[i][2..].TrimStart('='))
                : all[i].Split('=', 2) is [var before, var after] ? (before, after) : (all[i], null);
            var isNetwork = NetworkOptions.Contains(option);
            (isNetwork ? network : other).Add(all[i]);
            if (value is null && i + 1 < all.Count && (isNetwork ? option is not ("--publish-all" or "-P") : option is "--env" or "-e"))
            {
                value = all[++i];
                (isNetwork ? network : other).Add(value);
            }

            if (option is "--env" or "-e" && value?.Split('=', 2) is [_, { Length: >= ShortestSecret } secret])
            {
                _secrets.Add(secret);
            }
        }

        (Network, Other) = (network, other);
    }

    public IReadOnlyList<string> Network { get; }

    public IReadOnlyList<string> Other { get; }

    /// <summary>A text of the container or of the engine without the values of the variables. They may be secret.</summary>
    public string Hide(string text) => _secrets.OrderByDescending(s => s.Length).Aggregate(text, (t, secret) => t.Replace(secret, "***", StringComparison.Ordinal));
}
