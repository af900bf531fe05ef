using System.Net.Sockets;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dcp;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Dashboard;

/// <summary>The dashboard as DCP runs it.</summary>
/// <remarks>Its settings: https://aspire.dev/dashboard/configuration/.</remarks>
internal sealed class DashboardExecutable
{
    public const string OtlpGrpcSetting = "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL";
    public const string OtlpHttpSetting = "ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL";

    private readonly AppHostMetadata _appHost;
    private readonly IConfiguration _configuration;

    public DashboardExecutable(AppHostMetadata appHost, IConfiguration configuration)
    {
        (_appHost, _configuration) = (appHost, configuration);
        AddEndpoint(DashboardResource.HttpEndpoint, configuration["ASPNETCORE_URLS"]?.Split(';')[0], "ASPNETCORE_URLS");
        AddEndpoint(DashboardResource.OtlpGrpcEndpoint, configuration[OtlpGrpcSetting], OtlpGrpcSetting);
        AddEndpoint(DashboardResource.OtlpHttpEndpoint, configuration[OtlpHttpSetting], OtlpHttpSetting);
    }

    public DashboardResource Resource { get; } = new();

    private string ExecutablePath
    {
        get
        {
            var path = _configuration["ASPIRE_DASHBOARD_PATH"] ?? _appHost.Read("aspiredashboardpath");
            return File.Exists(path)
                ? path
                : throw new DistributedApplicationException($"The dashboard is not installed at \"{path}\". Run eng/setup.sh to install it.");
        }
    }

    public DcpObject<ExecutableSpec, ExecutableStatus> ToDcpObject(string resourceServiceUrl, Func<IResource, EndpointAnnotation, string> serviceName)
    {
        var endpoints = Resource.Annotations.OfType<EndpointAnnotation>().ToDictionary(e => e.Name, e => serviceName(Resource, e));
        Dictionary<string, string?> environment = new()
        {
            ["ASPNETCORE_ENVIRONMENT"] = _configuration["ASPNETCORE_ENVIRONMENT"] ?? "Production",
            ["ASPNETCORE_URLS"] = OwnUrl(DashboardResource.HttpEndpoint),
            [OtlpGrpcSetting] = OwnUrl(DashboardResource.OtlpGrpcEndpoint),
            [OtlpHttpSetting] = OwnUrl(DashboardResource.OtlpHttpEndpoint),
            ["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] = resourceServiceUrl,
            ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = _configuration["ASPIRE_ALLOW_UNSECURED_TRANSPORT"],
            ["ASPIRE_DASHBOARD_API_ENABLED"] = "true",
            ["ASPIRE_DASHBOARD_TELEMETRY_OPTOUT"] = _configuration["ASPIRE_DASHBOARD_TELEMETRY_OPTOUT"],
            ["DASHBOARD__FRONTEND__AUTHMODE"] = "BrowserToken",
            ["DASHBOARD__FRONTEND__BROWSERTOKEN"] = _configuration["AppHost:BrowserToken"],
            ["DASHBOARD__OTLP__AUTHMODE"] = "ApiKey",
            ["DASHBOARD__OTLP__PRIMARYAPIKEY"] = _configuration["AppHost:OtlpApiKey"],
            ["DASHBOARD__API__AUTHMODE"] = "ApiKey",
            ["DASHBOARD__API__PRIMARYAPIKEY"] = _configuration["AppHost:DashboardApiKey"],
            ["DASHBOARD__RESOURCESERVICECLIENT__AUTHMODE"] = "ApiKey",
            ["DASHBOARD__RESOURCESERVICECLIENT__APIKEY"] = _configuration["AppHost:ResourceService:ApiKey"],
        };

        return DcpKinds.Executable.New(
            Resource.Name,
            new(ExecutablePath, ["dashboard"], [.. environment.Where(v => v.Value is not null).Select(v => new EnvVar(v.Key, v.Value))], _appHost.Directory),
            new()
            {
                [ServiceProducer.Annotation] = JsonSerializer.Serialize(
                    [.. endpoints.Values.Select(name => new ServiceProducer(name, "localhost", null))], DcpJson.Default.ServiceProducerArray),
            });

        // DCP puts the port in that it has chosen for the process behind the service's own.
        string OwnUrl(string endpoint) => $"http://localhost:{{{{- portForServing \"{endpoints[endpoint]}\" -}}}}";
    }

    private void AddEndpoint(string name, string? url, string setting)
    {
        var uri = url is null ? null : new Uri(url);
        if (uri is not null && uri.Scheme != Uri.UriSchemeHttp)
        {
            throw new DistributedApplicationException($"The stand-in serves the dashboard over plain http only; {setting} is {url}. Set it to an http:// address.");
        }

        if (!_configuration.GetValue<bool>("ASPIRE_ALLOW_UNSECURED_TRANSPORT"))
        {
            throw new DistributedApplicationException("The dashboard's endpoints must be https addresses unless the 'ASPIRE_ALLOW_UNSECURED_TRANSPORT' environment variable is set to true. This configuration is commonly set in the launch profile. See https://aka.ms/aspire/allowunsecuredtransport for more details.");
        }

        Resource.Annotations.Add(new EndpointAnnotation(ProtocolType.Tcp, "http", name: name, port: uri?.Port));
    }
}
