namespace Hello.AppHost;

/// <summary>Something could not be measured; the message says in one line what and why.</summary>
/// <param name="message">The line.</param>
/// <param name="cause">What went wrong underneath.</param>
internal sealed class MeasurementException(string message, Exception? cause = null) : Exception(message, cause);
