using System.Collections.Concurrent;
using Hello.Compare.Figures;
using Hello.Compare.Images;

namespace Hello.AppHost.Dashboard;

/// <summary>What has been measured of each resource since its container was started last.</summary>
internal sealed class MeasurementStore
{
    private readonly ConcurrentDictionary<string, Measurements> _measurements = [];

    /// <summary>What is known of a build.</summary>
    /// <param name="image">The build.</param>
    /// <returns>The measurements, empty ones at first.</returns>
    public Measurements this[HelloImage image] => _measurements.GetOrAdd(image.Name, _ => new(image));

    /// <summary>Adds to what is known of a build.</summary>
    /// <param name="image">The build.</param>
    /// <param name="change">Adds it.</param>
    /// <returns>What is known now.</returns>
    public Measurements Update(HelloImage image, Func<Measurements, Measurements> change) =>
        _measurements.AddOrUpdate(image.Name, _ => change(new(image)), (_, known) => change(known));

    /// <summary>Forgets what is known of a build.</summary>
    /// <param name="image">The build.</param>
    public void Clear(HelloImage image) => _measurements.TryRemove(image.Name, out _);
}
