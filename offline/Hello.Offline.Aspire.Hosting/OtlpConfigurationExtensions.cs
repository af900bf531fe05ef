using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Sends the telemetry of resources to the dashboard.</summary>
public static class OtlpConfigurationExtensions
{
    /// <summary>Tells the resource, in the standard variables, to send its telemetry to the dashboard.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithOtlpExporter<T>(this IResourceBuilder<T> builder)
        where T : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithAnnotation(new OtlpExporterAnnotation(null), ResourceAnnotationMutationBehavior.Replace);
    }

    /// <summary>Tells the resource, in the standard variables, to send its telemetry to the dashboard.</summary>
    /// <typeparam name="T">The resource's type.</typeparam>
    /// <param name="builder">The resource.</param>
    /// <param name="protocol">The protocol that the resource speaks.</param>
    /// <returns>The resource's builder.</returns>
    public static IResourceBuilder<T> WithOtlpExporter<T>(this IResourceBuilder<T> builder, OtlpProtocol protocol)
        where T : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithAnnotation(new OtlpExporterAnnotation(protocol), ResourceAnnotationMutationBehavior.Replace);
    }
}

/// <summary>The protocols of https://opentelemetry.io/docs/specs/otlp/.</summary>
public enum OtlpProtocol
{
    /// <summary>gRPC.</summary>
    Grpc,

    /// <summary>Protocol buffers over HTTP.</summary>
    HttpProtobuf,

    /// <summary>JSON over HTTP.</summary>
    HttpJson,
}
