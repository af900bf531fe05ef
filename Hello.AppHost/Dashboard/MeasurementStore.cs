using System.Collections.Concurrent;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.AppHost.Dashboard;

/// <summary>The measurements of each build since the last start of its container.</summary>
internal sealed class MeasurementStore
{
    private readonly ConcurrentDictionary<string, Measurements> _measurements = [];

    /// <summary>The measurements of a build. At first they are empty.</summary>
    public Measurements this[HelloImage image] => _measurements.GetOrAdd(image.Name, _ => new(image.Name));

    /// <summary>Adds to the measurements of a build.</summary>
    public Measurements Update(HelloImage image, Func<Measurements, Measurements> change) =>
        _measurements.AddOrUpdate(image.Name, _ => change(new(image.Name)), (_, known) => change(known));

    /// <summary>Forgets the measurements of a build.</summary>
    public void Clear(HelloImage image) => _measurements.TryRemove(image.Name, out _);
}
