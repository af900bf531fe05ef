using Hello.Compare.Figures;

namespace Hello.Compare.Comparison;

/// <summary>The result of a comparison.</summary>
/// <param name="Images">The measurements of each image. Ratios are to the first one.</param>
/// <param name="Failures">One line for each image that could not be measured.</param>
/// <param name="LeftBehind">Whether an image or a container could not be removed.</param>
internal sealed record ComparisonResult(IReadOnlyList<Measurements> Images, IReadOnlyList<string> Failures, Conditions Conditions, bool LeftBehind)
{
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
            if (Ratio(Figure.UnpackedSize) is { } size)
            {
                claims.Add(size <= 0.5 ? Format.Invariant($"is 1/{1 / size:N0} of the {reference.Name} image") : Format.Invariant($"is {Format.Ratio(size)} the {reference.Name} image"));
            }

            if (Ratio(Figure.FirstHello) is { } start)
            {
                var times = Format.Ratio(Math.Max(start, 1 / start), digits: 1).TrimEnd('×'); // the engine knows the start no better
                claims.Add(start <= 1 ? $"starts {times} times as fast" : $"takes {times} times as long to start");
            }

            if (last.Process is { } process)
            {
                claims.Add(Format.Invariant($"runs as UID {process.Uid}"));
            }

            return claims.Count == 0 ? $"{last.Name} could not be measured" : $"{last.Name} {string.Join(", ", claims)}";

            double? Ratio(Figure figure) => figure.Of(last)?.RatioTo(figure.Of(reference));
        }
    }
}
