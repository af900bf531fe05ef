namespace Hello.Compare.Comparison;

/// <param name="Images">The measurements of each image. Ratios are to the first one.</param>
internal sealed record ComparisonResult(IReadOnlyList<Measurements> Images, Conditions Conditions, bool LeftBehind)
{
    private static readonly (Figure Figure, string Less, string More)[] Told =
    [
        (Figure.FirstHello, "starts faster", "takes longer to start"),
        (Figure.MemoryAfterStart, "needs less memory", "needs more memory"),
        (Figure.RequestsPerSecond, "answers fewer requests per second", "answers more requests per second"),
    ];

    /// <summary>Why figures are missing or cannot be trusted, one line each.</summary>
    public IReadOnlyList<string> Failures =>
        [.. Images.SelectMany(i => i.Reasons.Distinct().Select(r => i.HasFailed && r == i.Reasons[^1] ? $"{i.Name} could not be measured: {r}" : $"{i.Name}: {r}"))];

    /// <summary>One sentence about the last image. If there are several, it compares the last one with the first one.</summary>
    public string Headline
    {
        get
        {
            var (reference, last) = (Images[0], Images[^1]);
            if (Images.Count == 1)
            {
                Figure[] told = [.. ((Figure[])[Figure.UnpackedSize, Figure.FirstHello, Figure.Ids]).Where(f => f.Of(last) is not null)];
                return $"{last.Name}: {(told.Length > 0 ? string.Join(", ", told.Select(f => $"{f.Name} {f.Of(last)!.Text}")) : "not measured")}";
            }

            List<string> claims = [];
            if (Figure.UnpackedSize.Of(last)?.Number is { } size && Figure.UnpackedSize.Of(reference)?.Number is > 0 and var whole && size != whole)
            {
                claims.Add($"is {(size <= whole / 2 ? Format.Invariant($"1/{whole / size:N0} of") : Format.Ratio(size / whole))} the {reference.Name} image");
            }

            // Without a number: another run would find another one.
            claims.AddRange(Told.Where(t => t.Figure.Of(last)?.IsToldApartFrom(t.Figure.Of(reference)) == true)
                .Select(t => t.Figure.Of(last)!.Number < t.Figure.Of(reference)!.Number ? t.Less : t.More));
            claims.AddRange(last.Process is { } process ? [Format.Invariant($"runs as UID {process.Uid}")] : []);
            return $"{last.Name} {(claims.Count > 0 ? string.Join(", ", claims) : "could not be measured")}";
        }
    }
}
