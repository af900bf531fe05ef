using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>The result of a comparison.</summary>
/// <param name="Images">The measurements of each image. Ratios are to the first one.</param>
/// <param name="LeftBehind">Whether an image or a container could not be removed.</param>
internal sealed record ComparisonResult(IReadOnlyList<Measurements> Images, Conditions Conditions, bool LeftBehind)
{
    /// <summary>Why figures are missing or cannot be trusted, one line each.</summary>
    public IReadOnlyList<string> Failures =>
        [.. Images.SelectMany(i => i.Reasons.Select(r => i.HasFailed && r == i.Reasons[^1] ? $"{i.Name} could not be measured: {r}" : $"{i.Name}: {r}"))];

    private static readonly (Figure Figure, string Less, string More)[] Told =
    [
        (Figure.FirstHello, "starts faster", "takes longer to start"), (Figure.MemoryAfterStart, "needs less memory", "needs more memory"),
        (Figure.RequestsPerSecond, "answers fewer requests per second", "answers more requests per second"),
    ];

    /// <summary>One sentence that compares the last image with the first one.</summary>
    public string Headline
    {
        get
        {
            var (reference, last) = (Images[0], Images[^1]);
            if (Images.Count == 1)
            {
                string[] told = [.. ((Figure[])[Figure.UnpackedSize, Figure.FirstHello, Figure.Ids]).Where(f => f.Of(last) is not null).Select(f => $"{f.Name} {f.Of(last)!.Text}")];
                return $"{last.Name}: {(told.Length > 0 ? string.Join(", ", told) : "not measured")}";
            }

            List<string> claims = [];
            if (Figure.UnpackedSize.Of(last)?.Number is { } size && Figure.UnpackedSize.Of(reference)?.Number is > 0 and var whole && size != whole)
            {
                claims.Add(size <= whole / 2 ? Format.Invariant($"is 1/{whole / size:N0} of the {reference.Name} image") : $"is {Format.Ratio(size / whole)} the {reference.Name} image");
            }

            // Without a number: another run would find another one.
            foreach (var (figure, less, more) in Told.Where(t => t.Figure.Of(last)?.IsToldApartFrom(t.Figure.Of(reference)) == true))
            {
                claims.Add(figure.Of(last)!.Number < figure.Of(reference)!.Number ? less : more);
            }

            if (last.Process is { } process)
            {
                claims.Add(Format.Invariant($"runs as UID {process.Uid}"));
            }

            return claims.Count == 0 ? $"{last.Name} could not be measured" : $"{last.Name} {string.Join(", ", claims)}";
        }
    }
}
