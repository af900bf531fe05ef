namespace Hello.Compare.Comparison;

/// <summary>Writes the comparison for programs: docs/compare.md tells the names. Sizes are in bytes, times in seconds.</summary>
internal static class ComparisonJson
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static string Write(ComparisonResult result) => JsonSerializer.Serialize(
        new
        {
            result.Conditions.Date,
            result.Conditions.Machine,
            result.Conditions.Engine,
            result.Conditions.Method,
            result.Conditions.StandIns,
            Images = result.Images.Select(image => new
            {
                image.Name,
                Emulated = image.IsEmulated,
                Figures = Figure.All.Where(figure => figure.Of(image) is not null).ToDictionary(figure => figure.Key, figure => ValueOf(figure.Of(image)!)),
                Reasons = image.Reasons.Distinct(),
            }),
        },
        Format) + "\n";

    private static object ValueOf(FigureValue value) => value switch
    {
        { Number: null } => new { Value = value.Text },
        { Runs: null } => new { Value = value.Number },
        _ => new { Value = value.Number, value.Runs.Range.Lowest, value.Runs.Range.Highest, Runs = value.Runs.Count },
    };
}
