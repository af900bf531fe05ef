namespace Hello.Compare.Figures;

/// <summary>All values that were measured for one figure.</summary>
internal sealed class Spread
{
    private readonly List<double> _values = [];

    public int Count => _values.Count;

    public (double Lowest, double Highest) Range => (_values.Min(), _values.Max());

    /// <summary>The middle value, or the lower of the two middle values. Null if there is no value.</summary>
    public double? Median => Count == 0 ? null : _values.Order().ElementAt((_values.Count - 1) / 2);

    public void Add(double value) => _values.Add(value);
}
