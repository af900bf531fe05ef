namespace Hello.Compare.Figures;

/// <summary>The measurements of one image. A value is null if it has not been measured.</summary>
public sealed class Measurements(string name)
{
    private readonly Dictionary<Figure, Spread> _runs = [];

    public string Name => name;

    public ImageFacts? Image { get; set; }

    public ProcessFacts? Process { get; set; }

    /// <summary>Whether the image is for another processor than the engine's, which then emulates it.</summary>
    public bool IsEmulated { get; set; }

    /// <summary>Whether the measuring ended early. The last reason says why.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Why figures are missing or cannot be trusted, one line each.</summary>
    public IList<string> Reasons { get; } = [];

    /// <summary>The values of a figure that differs from run to run; null if there is none.</summary>
    internal Spread? this[Figure figure] => _runs.GetValueOrDefault(figure);

    /// <summary>Adds the value of one run, in the base unit: bytes, seconds, or a number.</summary>
    public void Add(Figure figure, double value)
    {
        _runs.TryAdd(figure, new());
        _runs[figure].Add(value);
    }
}
