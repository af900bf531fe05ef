namespace Hello.Tests;

/// <summary>The folders keep to the order that makes them easy to read.</summary>
public sealed partial class LayoutTests
{
    private static readonly string Root = RepositoryFolder.Find();

    public static TheoryData<string> Projects => ["Hello.Api", "Hello.AppHost", "Hello.Compare", "Hello.ServiceDefaults"];

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_folder_uses_one_that_uses_it_back(string project)
    {
        var folder = Path.Combine(Root, project);
        var files = Sources(project).Select(f => (Path: Path.GetRelativePath(folder, f), Code: CodeOf(File.ReadAllText(f)))).ToArray();
        // A name that two folders declare does not tell which of them is used.
        var declared = files
            .SelectMany(f => Declaration().Matches(f.Code).Select(d => (f.Path, d.Groups["name"].Value, Use: UseOf(d, f.Code))))
            .GroupBy(d => d.Value).Where(d => d.DistinctBy(one => FolderOf(one.Path)).Count() == 1).Select(d => d.First());
        var uses = declared
            .SelectMany(d => files.Where(f => FolderOf(f.Path) != FolderOf(d.Path) && d.Use(f.Code)).Select(f => (f.Path, d.Value, Other: d.Path)))
            .ToArray();
        var circular = uses.Where(u => Reaches(FolderOf(u.Other), FolderOf(u.Path), [])).Select(u => $"{u.Path} uses {u.Value} of {u.Other}.");
        Assert.True(!circular.Any(), $"Folders of {project} use each other:\n{string.Join('\n', circular.Order(StringComparer.Ordinal))}");

        bool Reaches(string from, string to, HashSet<string> seen) =>
            from == to || (seen.Add(from) && uses.Any(u => FolderOf(u.Path) == from && Reaches(FolderOf(u.Other), to, seen)));

        static string FolderOf(string path) => Path.GetDirectoryName(path)!;
    }

    /// <summary>The code without comments and without the text of strings. The expressions in interpolated strings stay.</summary>
    private static string CodeOf(string source) =>
        CommentOrText().Replace(source, text => text.Value[0] == '$' ? string.Concat(Expression().Matches(text.Value)) : "");

    /// <summary>Tells whether code uses an extension method, or a type by its name alone or after its namespace.</summary>
    private static Func<string, bool> UseOf(Match declaration, string code)
    {
        var name = declaration.Groups["name"].Value;
        var use = new Regex(declaration.Value.EndsWith("this", StringComparison.Ordinal)
            ? $@"\.{name}\b"
            : $@"(?<![\w.])([\w.]*\b{Namespace().Match(code).Value}\.)?{name}\b");
        // "string Machine," is a member or a parameter. In its file, the name need not be the type's.
        var member = new Regex($@"(?<!\b(new|is|as|and|or|not|case))(?<=[\w>\]?])\s{name}\s*[,;={{)]");
        return text => use.IsMatch(text) && !member.IsMatch(text);
    }

    [Fact]
    public void Hello_Compare_knows_nothing_of_Aspire() => Assert.DoesNotContain(
        typeof(RepositoryFolder).Assembly.GetReferencedAssemblies(), assembly => assembly.Name!.StartsWith("Aspire", StringComparison.Ordinal));

    private static IEnumerable<string> Sources(string project) =>
        Directory.EnumerateFiles(Path.Combine(Root, project), "*.cs", SearchOption.AllDirectories)
            .Where(f => !Path.GetRelativePath(Path.Combine(Root, project), f).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    [GeneratedRegex("""//.*|/\*[\s\S]*?\*/|'(\\.|[^'\\])+'|[$@]*("{3,}[\s\S]*?"{3,}|"(\\.|[^"\\])*")""")]
    private static partial Regex CommentOrText();

    [GeneratedRegex("{[^{}]*}")]
    private static partial Regex Expression();

    // A type that is not nested in another one, or an extension method: "internal sealed class Name", "Name<T>(this".
    [GeneratedRegex(@"^(\w+ )*(class|record|struct|enum|interface|delegate .*?) (?<name>\w+)|(?<name>\w+)(<[\w, ]+>)?\(this", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    /// <summary>The last word of a namespace.</summary>
    [GeneratedRegex(@"(?<=^namespace [\w.]*)\w+(?=;)", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
