using static Hello.Tests.MadeUpImages;

namespace Hello.Tests;

/// <summary>The facts that are derived from an image's files, configuration, Dockerfile and process.</summary>
public sealed class ImageFactsTests
{
    [Theory]
    [InlineData("usr/bin/sh bin->./usr//bin/", "bin/sh", "usr/bin/sh")]
    [InlineData("usr/share/dotnet/dotnet usr/bin/dotnet->../share/dotnet/dotnet bin->usr/bin", "/bin/dotnet", "usr/share/dotnet/dotnet")]
    [InlineData("a b->../../a", "/b", "a")]
    [InlineData("d/a", "/d/../../d/./a", "d/a")]
    [InlineData("d/e/a f->d/e d/b", "/f/../b", "d/b")]
    [InlineData("a", "/a/b", null)]
    [InlineData("d->d/d", "/d/a", null)]
    public void A_file_is_found_through_links_and_linked_directories(string files, string path, string? found) =>
        Assert.Equal(found, new ImageFileSystem(Image(files).MergeLayers()).Find(path)?.Path);

    [Theory]
    [InlineData(40, true)]
    [InlineData(41, false)]
    public void Forty_links_are_followed_as_on_Linux(int links, bool found)
    {
        var files = $"{string.Join(' ', Enumerable.Range(1, links).Select(i => $"{i}->{i - 1}"))} 0";

        Assert.Equal(found, new ImageFileSystem(Image(files).MergeLayers()).Find($"{links}") is not null);
    }

    [Theory]
    [InlineData("app! c=>app b=>c", true)]
    [InlineData("app! b=>app | .wh.app", true)]
    [InlineData("b=>c c=>b", null)]
    [InlineData("b=>gone", null)]
    public void A_hard_link_is_the_file_that_it_was_made_of_or_a_file_without_facts(string files, bool? isStatic) =>
        Assert.Equal(isStatic, new ImageFileSystem(Image(files).MergeLayers()).Find("/b")?.IsStatic);

    [Theory]
    [InlineData("app", "/usr/bin:/bin", "/", "usr/bin/app")]
    [InlineData("app", "/gone:/bin", "/", "bin/app")]
    [InlineData("app", "", "/", null)]
    [InlineData("/bin/app", "/usr/bin", "/srv", "bin/app")]
    [InlineData("./app", "/bin", "/srv", "srv/app")]
    public void A_program_is_looked_up_as_execvp_does(string program, string searchPath, string workingDirectory, string? found) =>
        Assert.Equal(found, new ImageFileSystem(Image("bin/app usr/bin/app srv/app").MergeLayers()).FindProgram(program, searchPath, workingDirectory)?.Path);

    [Theory]
    [InlineData(true, 1, 2, 6)]
    [InlineData(false, 3)]
    [InlineData(false, 6, 1, 3)]
    public void A_program_with_an_interpreter_is_dynamic_and_one_without_is_static_on_every_processor(bool isStatic, params int[] programHeaders)
    {
        foreach (var (is64Bit, isLittleEndian) in from bits in (bool[])[true, false] from order in (bool[])[true, false] select (bits, order))
        {
            var elf = Elf(is64Bit, isLittleEndian, programHeaders);

            Assert.Equal((is64Bit, isLittleEndian, isStatic), (is64Bit, isLittleEndian, ElfHeader.IsStatic(elf)));
            Assert.Null(ElfHeader.IsStatic(elf.AsSpan(0, is64Bit ? 63 : 51)));
        }
    }

    [Fact]
    public void A_script_or_a_header_that_is_cut_short_or_makes_no_sense_tells_nothing()
    {
        var whole = Elf(is64Bit: true, isLittleEndian: true, 1, 2);
        Assert.All([0, 1, 67, 123], length => Assert.Null(ElfHeader.IsStatic(whole.AsSpan(0, length))));
        // Another class or byte order, a wrong mark, too many program headers, and program headers beyond the file.
        (int At, byte Value)[] changes = [(0, 0x7E), (4, 1), (4, 3), (5, 2), (5, 0), (0x39, 0xFF), (0x21, 0x10), (0x27, 0x80)];
        Assert.All(changes, change =>
        {
            var elf = whole.ToArray();
            elf[change.At] = change.Value;
            Assert.Null(ElfHeader.IsStatic(elf));
        });
        Assert.Null(ElfHeader.IsStatic(Encoding.ASCII.GetBytes("#!/bin/sh\n".PadRight(200))));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"config":{"User":null,"Env":null,"Entrypoint":null,"Cmd":null,"WorkingDir":null}}""")]
    [InlineData("""{"config":{"User":1,"Env":[null,1],"Entrypoint":[null],"Cmd":[{}],"WorkingDir":[]}}""")]
    public void Without_a_configuration_the_user_is_root_and_the_program_unknown(string config)
    {
        var facts = Facts("app!", config);

        Assert.Equal("root", facts.User);
        Assert.Null(facts.IsStatic);
    }

    [Theory]
    [InlineData("10001:10001", "appuser")]
    [InlineData("other", "other")]
    [InlineData("", "root")]
    public void A_user_by_number_has_the_name_that_the_image_gives_it(string user, string name)
    {
        var users = new LayerEntry(LayerEntry.UsersPath, TarEntryType.RegularFile, 47, "", null, new Dictionary<string, string> { ["10001"] = "appuser" });
        var image = new Compare.Images.ImageArchive(JsonElement.Parse($$$"""{"config":{"User":"{{{user}}}"}}"""), [new("", 100, [users])]);

        Assert.Equal(name, ImageFacts.Of(image, new("scratch", []), []).User);
    }

    [Theory]
    [InlineData("""{"Entrypoint":["/app"],"Cmd":["/script"]}""", true)]
    [InlineData("""{"Entrypoint":null,"Cmd":["/app","--flag"]}""", true)]
    [InlineData("""{"Entrypoint":["/script"],"Cmd":["/app"]}""", null)]
    [InlineData("""{"Entrypoint":["tool"],"Env":["A=1","PATH=/opt:/bin"]}""", true)]
    [InlineData("""{"Entrypoint":["tool"],"Env":["PATH=/bin"]}""", null)]
    [InlineData("""{"Entrypoint":["./tool"],"WorkingDir":"/opt"}""", true)]
    public void The_program_is_the_first_word_of_entrypoint_and_command(string config, bool? isStatic) =>
        Assert.Equal(isStatic, Facts("app! script opt/tool! usr/bin->../opt", $$"""{"config":{{config}}}""").IsStatic);

    [Theory]
    [InlineData("bin/busybox bin/sh->busybox bin/ash->/bin/busybox sbin/apk lib/apk/db/installed", "sh ash", "apk")]
    [InlineData("usr/bin/bash usr/bin/sh->bash usr/bin/dpkg usr/bin/apt-get bin->usr/bin var/lib/dpkg/status", "sh bash", "apt-get dpkg")]
    [InlineData("usr/bin/rpm usr/bin/dnf usr/lib/sysimage/rpm/rpmdb.sqlite var/lib/rpm->../../usr/lib/sysimage/rpm", "", "dnf rpm")]
    // Applets of busybox, which have no database.
    [InlineData("bin/busybox bin/sh->busybox usr/bin/dpkg->../../bin/busybox usr/bin/rpm->../../bin/busybox", "sh", "")]
    [InlineData("sbin/apk lib/apk/db/installed | lib/apk/db/.wh.installed", "", "")]
    [InlineData("usr/bin/rpm var/lib/dpkg/status", "", "")]
    [InlineData("busybox/sh bin/bash", "sh bash", "", """{"config":{"Env":["PATH=/app:/busybox"]}}""")]
    public void Shells_and_package_managers_are_programs_in_the_image_and_a_package_manager_has_its_database(
        string files, string shells, string packageManagers, string config = "{}")
    {
        var facts = Facts(files, config);

        Assert.Equal(shells, string.Join(' ', facts.Shells));
        Assert.Equal(packageManagers, string.Join(' ', facts.PackageManagers));
    }

    [Fact]
    public void Sizes_and_counts_are_those_of_the_layers()
    {
        var facts = Facts("a=10 b=10 d/c=20 e->a | .wh.a f=>b", "{}");

        Assert.Equal((40, 200, 2, 3), (facts.UnpackedBytes, facts.CompressedBytes, facts.Layers, facts.Files));
    }

    [Theory]
    [InlineData("FROM --platform=$BUILDPLATFORM alpine AS build|FROM scratch", "scratch", "alpine")]
    [InlineData("""ARG R="example.org"|FROM ${R}/a:1""", "example.org/a:1", "")]
    [InlineData("arg R=example.org|from ${R}/a:1 as build|from BUILD", "example.org/a:1", "")]
    [InlineData("ARG R=a|FROM $R AS build|ARG R=b|FROM $R", "a", "")]
    [InlineData("FROM sdk AS a|FROM other AS b|FROM sdk AS c|FROM scratch AS d|FROM runtime", "runtime", "sdk other")]
    [InlineData("# FROM a|#FROM b|FROM c|# FROM d", "c", "")]
    [InlineData(@"FROM a|RUN echo hello \||# a comment|  from there", "a", "")]
    [InlineData("FROM a|RUN <<EOF|FROM b|EOF|COPY <<-'ONE' <<\"TWO\" /|FROM c|ONE|FROM d|TWO|FROM e", "e", "a")]
    [InlineData("ARG R=|ARG S=${R:-b}|FROM ${S}:1", "b:1", "")]
    [InlineData(@"FROM \|  --platform=linux/amd64 \|  a", "a", "")]
    [InlineData("# escape=`|FROM a|RUN echo `|FROM b", "a", "")]
    [InlineData("FROM a|RUN echo `date`|FROM b", "b", "a")]
    public void A_Dockerfile_names_what_it_builds_on(string lines, string baseImage, string buildImages)
    {
        var dockerfile = Dockerfile.Parse(lines.Split('|'));

        Assert.Equal(baseImage, dockerfile.Base);
        Assert.Equal(buildImages, string.Join(' ', dockerfile.BuildImages));
    }

    [Fact]
    public void A_Dockerfile_without_a_stage_is_a_clear_error() => Assert.Contains(
        "FROM", Assert.Throws<MeasurementException>(() => Dockerfile.Parse(["# FROM a", "ARG A=1"])).Message, StringComparison.Ordinal);

    [Fact]
    public void The_facts_of_a_process_are_those_of_the_kernel()
    {
        var facts = Facts((Status("00000000a80425fb"), ""));

        Assert.Equal((10002, 20002, 14, 27_557_888, 28_430_336), (facts.Uid, facts.Gid, facts.Capabilities, facts.ResidentBytes, facts.PeakResidentBytes));
    }

    /// <summary>Two processes have mapped a library. One of them has changed a page of it. They share half of a heap.</summary>
    [Fact]
    public void Each_page_that_processes_share_counts_once()
    {
        var (parent, child) = (Mapping("/lib/libc.so", rss: 400, pss: 200, anonymous: 8), Mapping("/lib/libc.so", rss: 380, pss: 190, anonymous: 0));
        var heap = Mapping("[heap]", rss: 100, pss: 75, anonymous: 100);
        var facts = Facts((Status("0"), parent + heap), (Status("0"), heap + child));

        Assert.Equal((2, (392 + 8 + 75 + 75) * 1024), (facts.Processes, facts.ResidentBytes));
        Assert.Equal((392 + 8 + 75 + 75 + (2 * (27_764 - 26_912))) * 1024, facts.PeakResidentBytes);

        // As in proc_pid_smaps(5), in kB. A mapping without a file has the inode 0.
        static string Mapping(string name, int rss, int pss, int anonymous) => $"""
            7f3c8a200000-7f3c8a400000 r-xp 00026000 08:01 {(name[0] == '/' ? 1837465 : 0)}        {name}
            Size:               2048 kB
            Rss:                {rss} kB
            Pss:                {pss} kB
            Shared_Clean:       {rss - anonymous} kB
            Anonymous:          {anonymous} kB
            VmFlags: rd ex mr mw me sd
            """ + "\n";
    }

    [Theory]
    [InlineData("Uid")]
    [InlineData("CapEff")]
    public void A_missing_line_is_a_clear_error(string name)
    {
        var status = string.Join('\n', Status("0").Split('\n').Where(line => !line.StartsWith($"{name}:", StringComparison.Ordinal)));

        Assert.Contains(name, Assert.Throws<MeasurementException>(() => Facts((status, ""))).Message, StringComparison.Ordinal);
    }

    private static ProcessFacts Facts(params (string Status, string Smaps)[] processes) => ProcessFacts.Of(processes);

    private static ImageFacts Facts(string layers, string config) => ImageFacts.Of(Image(layers, config), new("scratch", []), []);

    /// <summary>An ELF header and program headers of these types, for example of s390x, which is 64-bit and big-endian.</summary>
    private static byte[] Elf(bool is64Bit, bool isLittleEndian, params int[] programHeaders)
    {
        var (length, size) = is64Bit ? (64, 56) : (52, 32);
        var elf = new byte[length + (size * programHeaders.Length)];
        "\u007fELF"u8.CopyTo(elf);
        (elf[4], elf[5], elf[6]) = ((byte)(is64Bit ? 2 : 1), (byte)(isLittleEndian ? 1 : 2), 1);
        Put(is64Bit ? 0x20 : 0x1C, is64Bit ? 8 : 4, length);
        Put(is64Bit ? 0x36 : 0x2A, 2, size);
        Put(is64Bit ? 0x38 : 0x2C, 2, programHeaders.Length);
        foreach (var (i, type) in programHeaders.Index())
        {
            Put(length + (size * i), 4, type);
        }

        return elf;

        void Put(int at, int bytes, int value) => elf[isLittleEndian ? at : at + bytes - 1] = (byte)value;
    }

    /// <summary>As in proc_pid_status(5), with a real, an effective, a saved and a file system's ID of its own.</summary>
    private static string Status(string capabilities) => $"""
        Name:	hello: api
        Pid:	1
        PPid:	0
        Uid:	10001	10002	10003	10004
        Gid:	20001	20002	20003	20004
        VmHWM:	   27764 kB
        VmRSS:	   26912 kB
        Threads:	14
        CapPrm:	{capabilities}
        CapEff:	{capabilities}
        CapBnd:	00000000a80425fb
        """ + "\n";
}
