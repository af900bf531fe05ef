namespace Hello.Compare.Figures;

/// <summary>All values that were measured for one figure.</summary>
internal sealed class Spread<T>
    where T : struct, IComparable<T>
{
    private readonly List<T> _values = [];

    /// <summary>Whether no value has been added.</summary>
    public bool IsEmpty => _values.Count == 0;

    /// <summary>The lowest and the highest value.</summary>
    public (T Lowest, T Highest) Range => (_values.Min(), _values.Max());

    /// <summary>The middle value, or the lower of the two middle values. Null if there is no value.</summary>
    public T? Median => IsEmpty ? null : _values.Order().ElementAt((_values.Count - 1) / 2);

    public void Add(T value) => _values.Add(value);
}
