namespace Hello.Compare.Images;

/// <summary>The images that a Dockerfile builds on: https://docs.docker.com/reference/dockerfile/#from.</summary>
/// <param name="Base">The base image of the last stage; "scratch" if it is empty.</param>
/// <param name="BuildImages">The base images of the other stages.</param>
internal sealed partial record Dockerfile(string Base, IReadOnlyList<string> BuildImages)
{
    public const string Scratch = "scratch";

    /// <summary>Reads the instructions ARG and FROM: <c>ARG REGISTRY=mcr.microsoft.com</c>, <c>FROM ${REGISTRY}/dotnet/sdk:10.0-alpine AS build</c>.</summary>
    public static Dockerfile Parse(IEnumerable<string> lines)
    {
        Dictionary<string, string> arguments = [];
        Dictionary<string, string> stages = new(StringComparer.OrdinalIgnoreCase);
        var last = "";
        foreach (var instruction in Instructions([.. lines.Select(line => line.Trim())]))
        {
            // FROM may use only arguments that are declared before the first stage.
            if (last.Length == 0 && Argument().Match(instruction) is { Success: true } argument)
            {
                arguments[argument.Groups["name"].Value] = Expand(argument.Groups["value"].Value.Trim('"', '\''));
            }
            else if (From().Match(instruction) is { Success: true } from)
            {
                var image = Expand(from.Groups["image"].Value);
                last = stages.GetValueOrDefault(image, image);
                stages[from.Groups["stage"] is { Success: true, Value: var name } ? name : $"{stages.Count}"] = last;
            }
        }

        return last.Length > 0
            ? new(last, [.. stages.Values.Where(image => image != last && image != Scratch).Distinct()])
            : throw new MeasurementException("The Dockerfile has no FROM line. Add the base image, for example: FROM scratch");

        // "$NAME", "${NAME}", "${NAME:-the text if it is empty}"
        string Expand(string text) => Variable().Replace(
            text, v => arguments.GetValueOrDefault(v.Groups["name"].Value, "") is { Length: > 0 } value ? value : v.Groups["default"].Value);
    }

    /// <summary>The instructions, each in one line, without comments and without the texts that RUN and COPY may have in lines of their own.</summary>
    private static IEnumerable<string> Instructions(string[] lines)
    {
        var escape = lines.TakeWhile(line => line.StartsWith('#')).Any(EscapeDirective().IsMatch) ? '`' : '\\';
        var (instruction, ends) = ("", new Queue<string>());
        foreach (var line in lines)
        {
            if (ends.TryPeek(out var end))
            {
                _ = line == end ? ends.Dequeue() : line;
            }
            else if (!line.StartsWith('#') && (line.Length > 0 || instruction.Length == 0))
            {
                instruction += line.TrimEnd(escape);
                if (!line.EndsWith(escape))
                {
                    ends = new(HereDocument().Matches(instruction).Select(document => document.Groups["end"].Value));
                    yield return instruction;
                    instruction = "";
                }
            }
        }
    }

    [GeneratedRegex(@"^\s*ARG\s+(?<name>\w+)=(?<value>\S+)", RegexOptions.IgnoreCase)]
    private static partial Regex Argument();

    [GeneratedRegex(@"^\s*FROM\s+(--\S+\s+)*(?<image>\S+)(\s+AS\s+(?<stage>\S+))?", RegexOptions.IgnoreCase)]
    private static partial Regex From();

    [GeneratedRegex(@"\$((?<name>\w+)|\{(?<name>\w+)(:?-(?<default>[^}]*))?\})")]
    private static partial Regex Variable();

    /// <summary>https://docs.docker.com/reference/dockerfile/#escape</summary>
    [GeneratedRegex(@"^#\s*escape\s*=\s*`", RegexOptions.IgnoreCase)]
    private static partial Regex EscapeDirective();

    /// <summary>https://docs.docker.com/reference/dockerfile/#here-documents</summary>
    [GeneratedRegex("""(?<=^(RUN|COPY|ADD)\s.*)<<-?(?<quote>["']?)(?<end>\w+)\k<quote>""", RegexOptions.IgnoreCase)]
    private static partial Regex HereDocument();
}
