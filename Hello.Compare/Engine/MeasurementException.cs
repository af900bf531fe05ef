namespace Hello.Compare.Engine;

/// <summary>A measurement failed. The message is one line that tells the user why.</summary>
public sealed class MeasurementException(string message, Exception? innerException = null) : Exception(message, innerException);
