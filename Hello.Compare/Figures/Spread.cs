namespace Hello.Compare.Figures;

/// <summary>The values that were measured of one figure.</summary>
/// <typeparam name="T">The type of a value.</typeparam>
public sealed class Spread<T>
    where T : struct, IComparable<T>
{
    private readonly List<T> _values = [];

    /// <summary>Whether there is no value.</summary>
    public bool IsEmpty => _values.Count == 0;

    /// <summary>The lowest and the highest value.</summary>
    public (T Lowest, T Highest) Range => (_values.Min(), _values.Max());

    /// <summary>The value in the middle, or the lower one of two. Null if there is no value.</summary>
    public T? Median => IsEmpty ? null : _values.Order().ElementAt((_values.Count - 1) / 2);

    /// <summary>Adds a value.</summary>
    public void Add(T value) => _values.Add(value);
}
