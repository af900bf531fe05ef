using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hello.Compare.Comparison;
using Hello.Compare.Engine;

namespace Hello.Compare.Commands;

/// <summary>The images of the user that a comparison measures beside the three builds, or instead of them.</summary>
/// <param name="Only">Whether the three builds are left out.</param>
/// <param name="Timeout">How long a container may take from its start to its first answer; null if the user does not say it.</param>
internal sealed record OwnImages(IReadOnlyList<ComparedImage> Images, bool Only, TimeSpan? Timeout)
{
    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="MeasurementException">They do.</exception>
    public void Check(IReadOnlyList<ComparedImage> all, bool intoReadme)
    {
        if (all.Count == 0)
        {
            throw new MeasurementException("--only leaves out the three builds, and there is no other image. Name one with --image or --dockerfile.");
        }

        if (intoReadme && Images.Count > 0)
        {
            throw new MeasurementException("--readme writes the three builds only. Leave out --readme, or the images of your own.");
        }

        if (all.GroupBy(image => image.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new MeasurementException($"{twice.Key} is there twice. Name each image once, or give it a name of its own in a file for --images.");
        }
    }
}

/// <summary>The options that name images of the user.</summary>
internal sealed class OwnImageOptions
{
    private readonly Option<string[]> _images = Several("--image", "An image on this machine to measure, too", "IMAGE");
    private readonly Option<string[]> _dockerfiles = Several("--dockerfile", "A Dockerfile to build and to measure, too. Its folder is the build context", "PATH");
    private readonly Option<FileInfo?> _file = new("--images") { Description = "A JSON file that lists such images, each with options of its own: docs/compare.md", HelpName = "FILE" };
    private readonly Option<bool> _only = new("--only") { Description = "Leave out the three builds" };
    private readonly Option<int?> _port = new("--port") { Description = "The port in the containers of these images that is asked [default: the one that the image exposes, or 8080]", HelpName = "PORT" };
    private readonly Option<string> _path = new("--path") { Description = "The path that is asked", HelpName = "PATH", DefaultValueFactory = _ => "/" };
    private readonly Option<string[]> _variables = Several("--env", "A variable for the containers of these images", "NAME=VALUE");
    private readonly Option<string[]> _arguments = Several("--run-arg", "An option of docker run for the containers of these images: --run-arg=--read-only", "ARG");
    private readonly Option<int?> _timeout = new("--timeout") { Description = "How many seconds a container may take from its start to its first answer [default: 120, or 30 if it answers with an error, or on another port]", HelpName = "SECONDS" };

    public OwnImageOptions()
    {
        _port.InRange(1, 65535);
        _timeout.InRange(1, 3600);
    }

    public IReadOnlyList<Option> All => [_images, _dockerfiles, _file, _only, _port, _path, _variables, _arguments, _timeout];

    /// <summary>Reads the options, and the file that they name.</summary>
    /// <exception cref="MeasurementException">A value cannot be used.</exception>
    public OwnImages Read(ParseResult parsed)
    {
        Entry shared = new() { Port = parsed.GetValue(_port), Path = parsed.GetValue(_path), Env = parsed.GetValue(_variables), RunArgs = parsed.GetValue(_arguments) };
        return new(
            [
                .. (parsed.GetValue(_images) ?? []).Select(image => ToImage(shared with { Image = image }, folder: null)),
                .. (parsed.GetValue(_dockerfiles) ?? []).Select(dockerfile => ToImage(shared with { Dockerfile = dockerfile }, folder: null)),
                .. parsed.GetValue(_file) is { } file ? ReadFile(file) : [],
            ],
            parsed.GetValue(_only),
            parsed.GetValue(_timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
    }

    private static IEnumerable<ComparedImage> ReadFile(FileInfo file)
    {
        List<Entry?>? entries;
        try
        {
            entries = JsonSerializer.Deserialize<List<Entry?>>(File.ReadAllText(file.FullName), Entry.Format);
        }
        catch (JsonException e)
        {
            throw new MeasurementException(string.Create(CultureInfo.InvariantCulture, $"{file} is not a list of images: line {e.LineNumber + 1}: {e.Message.Split(" Path: ")[0]}"), e);
        }

        return [.. (entries ?? throw new MeasurementException($"{file} is not a list of images: it is null.")).Select((entry, i) =>
        {
            try
            {
                return ToImage(entry ?? new(), file.DirectoryName);
            }
            catch (MeasurementException e)
            {
                throw new MeasurementException(string.Create(CultureInfo.InvariantCulture, $"{file}, image {i + 1}: {e.Message}"), e);
            }
        })];
    }

    private static ComparedImage ToImage(Entry entry, string? folder)
    {
        if (entry.Image is null == entry.Dockerfile is null)
        {
            throw new MeasurementException("each image needs either \"image\" or \"dockerfile\".");
        }

        var path = entry.Path ?? "/";
        if (!path.StartsWith('/') || path.Any(c => c is <= ' ' or >= (char)127))
        {
            throw new MeasurementException($"the path '{path}' cannot be asked. Begin it with a slash, and write spaces and other letters as %20.");
        }

        if (entry.Port is < 1 or > 65535)
        {
            throw new MeasurementException(string.Create(CultureInfo.InvariantCulture, $"the port must be a number from 1 to 65535, not {entry.Port}."));
        }

        if (entry.Image is { Length: 0 } or ['-', ..])
        {
            throw new MeasurementException($"'{entry.Image}' is no name of an image.");
        }

        // The text is not repeated, because it may be secret.
        if ((entry.Env ?? []).Any(variable => variable.IndexOf('=', StringComparison.Ordinal) <= 0))
        {
            throw new MeasurementException("a variable has no name. Write NAME=VALUE.");
        }

        if (entry.RunArgs is [not ['-', _, ..], ..])
        {
            throw new MeasurementException("an option of docker run begins with '-'. Write, for example, --run-arg=--read-only.");
        }

        var image = entry.Image is { } reference
            ? new ComparedImage(reference) { Reference = reference }
            : ComparedImage.OfDockerfile(InFolder(entry.Dockerfile!), entry.Context is null ? null : InFolder(entry.Context)) with { Name = entry.Dockerfile! };
        return image with
        {
            Name = entry.Name ?? image.Name,
            Port = entry.Port,
            Path = path,
            Options = new([.. (entry.Env ?? []).SelectMany(variable => (string[])["--env", variable]), .. entry.RunArgs ?? []]),
        };

        string InFolder(string relative) => folder is null ? relative : Path.Combine(folder, relative);
    }

    private static Option<string[]> Several(string name, string description, string helpName) => new(name) { Description = $"{description}. May be given several times", HelpName = helpName };

    /// <summary>One image of the file. A relative path starts from the folder of the file.</summary>
    private sealed record Entry
    {
        public static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            ReadCommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
        };

        public string? Name { get; init; }

        public string? Image { get; init; }

        public string? Dockerfile { get; init; }

        public string? Context { get; init; }

        public int? Port { get; init; }

        public string? Path { get; init; }

        public string[]? Env { get; init; }

        public string[]? RunArgs { get; init; }
    }
}
