using System.CommandLine;
using System.Text.Json.Serialization;
using Hello.Compare.Comparison;

namespace Hello.Compare.Commands;

/// <summary>The images of the user that a comparison measures beside the three builds, or instead of them.</summary>
/// <param name="Timeout">How long a container may take from its start to its first answer; null if the user does not say it.</param>
internal sealed record OwnImages(IReadOnlyList<ComparedImage> Images, bool Only, TimeSpan? Timeout)
{
    public void Check(IReadOnlyList<ComparedImage> all, bool intoPages)
    {
        var twice = all.GroupBy(image => image.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1)?.Key;
        var problem = all.Count == 0 ? "--only leaves out the three builds, and there is no other image. Name one with --image or --dockerfile."
            : intoPages && Images.Count > 0 ? "--update-pages writes the three builds only. Leave out --update-pages, or the images of your own."
            : twice is not null ? $"{twice} is there twice. Name each image once, or give it a name of its own in a file for --images."
            : null;
        if (problem is not null)
        {
            throw new MeasurementException(problem);
        }
    }
}

/// <summary>The options that name images of the user.</summary>
internal sealed class OwnImageOptions
{
    private const string Port = "The port in the containers of these images that is asked [default: the one that the image exposes, or 8080]";
    private const string Timeout =
        "How many seconds a container may take from its start to its first answer [default: 120, or 30 if it answers with an error, or on another port]";

    private readonly Option<string[]> _images = Several("--image", "An image on this machine to measure, too", "IMAGE");
    private readonly Option<string[]> _dockerfiles = Several("--dockerfile", "A Dockerfile to build and to measure, too. Its folder is the build context", "PATH");
    private readonly Option<FileInfo?> _file = One<FileInfo?>("--images", "A JSON file that lists such images, each with options of its own: docs/compare.md", "FILE");
    private readonly Option<bool> _only = new("--only") { Description = "Leave out the three builds" };
    private readonly Option<int?> _port = One<int?>("--port", Port, "PORT");
    private readonly Option<string?> _path = One<string?>("--path", "The path that is asked [default: /]", "PATH");
    private readonly Option<string[]> _variables = Several("--env", "A variable for the containers of these images", "NAME=VALUE");
    private readonly Option<string[]> _arguments = Several("--run-arg", "An option of docker run for the containers of these images: --run-arg=--read-only", "ARG");
    private readonly Option<int?> _timeout = One<int?>("--timeout", Timeout, "SECONDS");

    public OwnImageOptions()
    {
        _port.InRange(1, 65535);
        _timeout.InRange(1, 3600);
    }

    public IReadOnlyList<Option> All => [_images, _dockerfiles, _file, _only, _port, _path, _variables, _arguments, _timeout];

    public OwnImages Read(ParseResult parsed)
    {
        Entry shared = new() { Port = parsed.GetValue(_port), Path = parsed.GetValue(_path), Env = parsed.GetValue(_variables), RunArgs = parsed.GetValue(_arguments) };
        ComparedImage[] images =
        [
            .. (parsed.GetValue(_images) ?? []).Select(image => ToImage(shared with { Image = image }, folder: null)),
            .. (parsed.GetValue(_dockerfiles) ?? []).Select(dockerfile => ToImage(shared with { Dockerfile = dockerfile }, folder: null)),
            .. parsed.GetValue(_file) is { } file ? ReadFile(file) : [],
        ];
        return new(images, parsed.GetValue(_only), parsed.GetValue(_timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
    }

    private static ComparedImage[] ReadFile(FileInfo file)
    {
        var i = 0;
        try
        {
            var entries = JsonSerializer.Deserialize<List<Entry?>>(File.ReadAllText(file.FullName), Entry.Format) ?? throw new JsonException("it is null.");
            return [.. entries.Select(entry =>
            {
                i++;
                return ToImage(entry ?? new(), file.DirectoryName);
            })];
        }
        catch (JsonException e)
        {
            var line = e.LineNumber is { } above ? Format.Invariant($"line {above + 1}: ") : "";
            throw new MeasurementException($"{file} is not a list of images: {line}{e.Message.Split(" Path: ")[0]}", e);
        }
        catch (MeasurementException e)
        {
            throw new MeasurementException(Format.Invariant($"{file}, image {i}: {e.Message}"), e);
        }
    }

    private static ComparedImage ToImage(Entry entry, string? folder)
    {
        var path = entry.Path ?? "/";
        var dockerfile = InFolder(entry.Dockerfile);
        var context = InFolder(entry.Context) ?? Path.GetDirectoryName(dockerfile);
        var problem = entry switch
        {
            { Image: null, Dockerfile: null } or { Image: not null, Dockerfile: not null } => "each image needs either \"image\" or \"dockerfile\".",
            _ when !path.StartsWith('/') || path.Any(c => c is <= ' ' or >= (char)127) =>
                $"the path '{path}' cannot be asked. Begin it with a slash, and write spaces and other letters as %20.",
            { Port: < 1 or > 65535 } => Format.Invariant($"the port must be a number from 1 to 65535, not {entry.Port}."),
            { Image: { Length: 0 } or ['-', ..] } => $"'{entry.Image}' is not the name of an image.",
            // The text is not repeated, because it may be secret.
            { Env: { } variables } when variables.Any(variable => variable.IndexOf('=', StringComparison.Ordinal) <= 0) => "a variable has no name. Write NAME=VALUE.",
            { RunArgs: [not ['-', _, ..], ..] } => "an option of docker run begins with '-'. Write, for example, --run-arg=--read-only.",
            { Dockerfile: not null } when !File.Exists(dockerfile) => $"There is no Dockerfile {entry.Dockerfile}.",
            { Context: not null } when !Directory.Exists(context) => $"There is no folder {entry.Context} to build in.",
            _ => null,
        };
        return problem is not null ? throw new MeasurementException(problem) : new((entry.Name ?? entry.Image ?? entry.Dockerfile)!)
        {
            Reference = entry.Image,
            Dockerfile = dockerfile,
            Context = context,
            Port = entry.Port,
            Path = path,
            Options = new([.. (entry.Env ?? []).SelectMany(variable => (string[])["--env", variable]), .. entry.RunArgs ?? []]),
        };

        string? InFolder(string? relative) => relative is null ? null : Path.GetFullPath(relative, folder ?? Environment.CurrentDirectory);
    }

    private static Option<T> One<T>(string name, string description, string helpName) => new(name) { Description = description, HelpName = helpName };

    private static Option<string[]> Several(string name, string description, string helpName) =>
        One<string[]>(name, $"{description}. May be given several times", helpName);

    /// <summary>One image of the file. A relative path starts from the folder of the file.</summary>
    private sealed record Entry(
        string? Name = null, string? Image = null, string? Dockerfile = null, string? Context = null,
        int? Port = null, string? Path = null, string[]? Env = null, string[]? RunArgs = null)
    {
        public static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            ReadCommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
        };
    }
}
