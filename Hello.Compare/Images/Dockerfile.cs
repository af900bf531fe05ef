using System.Text.RegularExpressions;
using Hello.Compare.Engine;

namespace Hello.Compare.Images;

/// <summary>The images that a Dockerfile builds on: https://docs.docker.com/reference/dockerfile/#from.</summary>
/// <param name="Base">The base image of the last stage; "scratch" if it is empty.</param>
/// <param name="BuildImages">The base images of the other stages.</param>
internal sealed partial record Dockerfile(string Base, IReadOnlyList<string> BuildImages)
{
    /// <summary>The name of the empty base image.</summary>
    public const string Scratch = "scratch";

    /// <summary>Reads the lines ARG and FROM: <c>ARG REGISTRY=mcr.microsoft.com</c>, <c>FROM ${REGISTRY}/dotnet/sdk:10.0-alpine AS build</c>.</summary>
    /// <exception cref="MeasurementException">The Dockerfile has no FROM.</exception>
    public static Dockerfile Parse(IEnumerable<string> lines)
    {
        Dictionary<string, string> arguments = [];
        Dictionary<string, string> stages = new(StringComparer.OrdinalIgnoreCase);
        var last = "";
        foreach (var line in lines)
        {
            // FROM may use only arguments that are declared before the first stage.
            if (last.Length == 0 && Argument().Match(line) is { Success: true } argument)
            {
                arguments[argument.Groups["name"].Value] = argument.Groups["value"].Value.Trim('"', '\'');
            }
            else if (From().Match(line) is { Success: true } from)
            {
                var image = Variable().Replace(from.Groups["image"].Value, v => arguments.GetValueOrDefault(v.Groups["name"].Value, ""));
                last = stages.GetValueOrDefault(image, image);
                stages[from.Groups["stage"] is { Success: true, Value: var name } ? name : $"{stages.Count}"] = last;
            }
        }

        return last.Length > 0
            ? new(last, [.. stages.Values.Where(image => image != last && image != Scratch).Distinct()])
            : throw new MeasurementException("The Dockerfile has no FROM line. Add the base image, for example: FROM scratch");
    }

    [GeneratedRegex(@"^\s*ARG\s+(?<name>\w+)=(?<value>\S+)", RegexOptions.IgnoreCase)]
    private static partial Regex Argument();

    [GeneratedRegex(@"^\s*FROM\s+(--\S+\s+)*(?<image>\S+)(\s+AS\s+(?<stage>\S+))?", RegexOptions.IgnoreCase)]
    private static partial Regex From();

    [GeneratedRegex(@"\$\{?(?<name>\w+)\}?")]
    private static partial Regex Variable();
}
