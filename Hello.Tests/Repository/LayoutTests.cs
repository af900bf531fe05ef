using System.Text.RegularExpressions;
using Hello.Compare.Images;

namespace Hello.Tests;

/// <summary>The folders keep to the order that makes them easy to read.</summary>
public sealed partial class LayoutTests
{
    private static readonly string Root = RepositoryFolder.Find();

    /// <summary>The projects, for a theory.</summary>
    public static TheoryData<string> Projects => ["Hello.Api", "Hello.AppHost", "Hello.Compare", "Hello.ServiceDefaults"];

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_folder_uses_one_that_uses_it_back(string project)
    {
        // The namespaces of the project that each folder names, in a using or in full. A file needs no using for the project's
        // own namespace, so only the program may live in it.
        var files = Sources(project).Select(f => (Folder: Path.GetRelativePath(Path.Combine(Root, project), Path.GetDirectoryName(f)!), Text: File.ReadAllText(f))).ToArray();
        var uses = files
            .SelectMany(f => files.Select(o => o.Folder).Distinct().Where(other => other != f.Folder && other != "." && Names(f.Text, $"{project}.{other}")).Select(other => (f.Folder, Other: other)))
            .ToHashSet();
        Assert.DoesNotContain(uses, u => Reaches(u.Other, u.Folder, []));

        bool Reaches(string from, string to, HashSet<string> seen) =>
            from == to || (seen.Add(from) && uses.Any(u => u.Folder == from && Reaches(u.Other, to, seen)));

        static bool Names(string text, string ns) => Regex.IsMatch(text, $@"(?<!^namespace ){Regex.Escape(ns)}\b", RegexOptions.Multiline);
    }

    [Fact]
    public void Hello_Compare_knows_nothing_of_Aspire()
    {
        Assert.All(Sources("Hello.Compare"), file => Assert.DoesNotMatch("(?m)^using Aspire", File.ReadAllText(file)));
        Assert.DoesNotContain(typeof(RepositoryFolder).Assembly.GetReferencedAssemblies(), a => a.Name!.StartsWith("Aspire", StringComparison.Ordinal));
    }

    [Fact]
    public void One_piece_of_code_starts_processes()
    {
        var sources = Directory.EnumerateDirectories(Root, "Hello.*").SelectMany(d => Sources(Path.GetFileName(d))).Append(Path.Combine(Root, "eng", "sbom", "Sbom.cs"));

        // CliWrap starts the processes for ProgramRunner.
        Assert.All(sources, file => Assert.False(ProcessStart().IsMatch(File.ReadAllText(file)), $"{file} starts a process without ProgramRunner."));
    }

    private static IEnumerable<string> Sources(string project) =>
        Directory.EnumerateFiles(Path.Combine(Root, project), "*.cs", SearchOption.AllDirectories)
            .Where(f => !Path.GetRelativePath(Path.Combine(Root, project), f).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    [GeneratedRegex(@"\bProcess\.Start\(|\bnew ProcessStartInfo\b")]
    private static partial Regex ProcessStart();
}
