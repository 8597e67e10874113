using System.Diagnostics;
using System.Globalization;
using System.Text;
using Examples.Tests.Support;
using static Examples.Tests.Support.TestRepository;

namespace Examples.Tests;

public sealed class GitHistoryTests
{
    private const string Submodule = "M 160000 0123456789012345678901234567890123456789";

    [Fact]
    public async Task A_history_with_everything_in_it_equals_the_tree()
    {
        using var repository = Everything();
        var run = await Example.GitHistoryAsync(repository.Directory);
        Assert.Equal((0, "", "view equals git ls-tree: 12 files"), (run.ExitCode, run.Error, run.LastLine));
    }

    [Fact]
    public async Task Into_a_pipe_go_plain_lines()
    {
        using var repository = Everything();
        var run = await Example.GitHistoryAsync(repository.Directory);
        Assert.DoesNotContain(run.Output, c => char.IsControl(c) && c != '\n');
        Assert.Contains("100 %", run.Output, StringComparison.Ordinal);
        Assert.Contains("Event history of", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_configuration_of_the_user_changes_nothing()
    {
        using var repository = Everything();
        var plain = await Example.GitHistoryAsync(repository.Directory);
        string[] settings =
        [
            "log.showSignature=true", "log.mailmap=true", "log.diffMerges=combined", "log.showRoot=false", "log.follow=true", "log.decorate=full", "log.date=relative", "format.pretty=full", "format.notes=*",
            "diff.renames=copies", "diff.noprefix=true", "diff.relative=true", "diff.orderFile=/nonexistent", "diff.ignoreSubmodules=all", "diff.submodule=log", "diff.external=false",
            "color.ui=always", "core.pager=false", "core.quotePath=false", "i18n.logOutputEncoding=latin1",
        ];
        foreach (var setting in settings) repository.Git("config", setting.Split('=')[0], setting.Split('=')[1]);
        var run = await Example.GitHistoryAsync(repository.Directory, ("GIT_DIR", "/nonexistent"), ("GIT_WORK_TREE", "/nonexistent"), ("GIT_INDEX_FILE", "/nonexistent"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(WithoutTime(plain.Output), WithoutTime(run.Output));
    }

    [Fact]
    public async Task Without_a_path_it_takes_the_repository_around_the_current_directory()
    {
        using var repository = Everything();
        var below = Path.Combine(repository.Directory, "below");
        Directory.CreateDirectory(below);
        var run = await Example.RunAsync("GitHistory.dll", [], below);
        Assert.Equal("view equals git ls-tree: 12 files", run.LastLine);
    }

    [Fact]
    public async Task Authors_and_days_are_counted()
    {
        using var repository = new TestRepository().Commit(File("a") + File("b")).Commit(File("a", "y"), "Bob <b@x>").Commit("", "Bob <b@x>").Commit("", " <only@mail>").Import();
        var run = await Example.GitHistoryAsync(repository.Directory);
        Assert.Equal((0, "view equals git ls-tree: 2 files"), (run.ExitCode, run.LastLine));
        Assert.Matches(@"\n +2 +1 +Bob +\n +1 +0 +<only@mail> +\n +1 +2 +Ann +\n", run.Output);
        Assert.Matches(@"\n +2 +3 +2023-11-14 +\n +2 +0 +2023-11-15 +\n", run.Output);
        Assert.Contains("7 events (3 file changes, 4 commits)", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bare_repositories_work()
    {
        using var repository = Everything();
        repository.Git("clone", "--quiet", "--bare", repository.Directory, repository.Beside("bare.git"));
        var run = await Example.GitHistoryAsync(repository.Beside("bare.git"));
        Assert.Equal("view equals git ls-tree: 12 files", run.LastLine);
        Assert.Contains("(bare)", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shallow_clone_works_and_says_so()
    {
        using var repository = Everything();
        repository.Git("clone", "--quiet", "--depth=2", "--no-checkout", new Uri(repository.Directory).AbsoluteUri, repository.Beside("shallow"));
        var run = await Example.GitHistoryAsync(repository.Beside("shallow"));
        Assert.Equal("view equals git ls-tree: 12 files", run.LastLine);
        Assert.Contains("The clone is shallow", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_repository_has_nothing_to_fold()
    {
        using var repository = new TestRepository();
        await CannotRunAsync(repository.Directory, "has no commits");
    }

    [Fact]
    public async Task A_directory_that_is_no_repository_is_named()
    {
        using var repository = new TestRepository();
        Directory.CreateDirectory(repository.Beside("plain"));
        await CannotRunAsync(repository.Beside("plain"), "is not in a git repository", ("GIT_CEILING_DIRECTORIES", repository.Beside("")));
        await CannotRunAsync(repository.Beside("nowhere"), "There is no directory");
    }

    [Fact]
    public async Task Without_git_it_says_what_to_install()
    {
        using var repository = new TestRepository();
        await CannotRunAsync(repository.Directory, "git cannot be started", ("PATH", repository.Beside("nothing")));
    }

    [Fact]
    public async Task A_broken_repository_is_reported_in_the_words_of_git()
    {
        using var repository = new TestRepository().Commit(File("a")).Commit(File("b")).Import();
        var tree = repository.Git("rev-parse", "HEAD~1^{tree}").Trim();
        var loose = new FileInfo(Path.Combine(repository.Directory, ".git/objects", tree[..2], tree[2..])) { IsReadOnly = false };
        loose.Delete();
        await CannotRunAsync(repository.Directory, tree);
    }

    [Fact]
    public async Task A_difference_is_listed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "puts a shell script in front of git");
        using var repository = new TestRepository().Commit(File("a")).Import();
        var path = Environment.GetEnvironmentVariable("PATH");
        Directory.CreateDirectory(repository.Beside("bin"));
        var git = repository.Beside("bin/git");
        await System.IO.File.WriteAllTextAsync(git, $"#!/bin/sh\ncase \"$*\" in *ls-tree*) printf 'gh\\377ost\\0';; esac\nPATH='{path}' exec git \"$@\"\n", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows()) System.IO.File.SetUnixFileMode(git, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var run = await Example.GitHistoryAsync(repository.Directory, ("PATH", $"{repository.Beside("bin")}:{path}"));
        Assert.Equal((1, @"  - gh\xffost"), (run.ExitCode, run.LastLine));
        Assert.Contains("view differs from git ls-tree: 1 files missing, 0 too many", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fifty_thousand_changes_take_well_under_a_minute()
    {
        using var repository = new TestRepository();
        var next = 0;
        for (var commit = 0; commit < 2_000; commit++)
        {
            var changes = new StringBuilder();
            for (var i = 0; i < 25; i++, next++) changes.Append(File(string.Create(CultureInfo.InvariantCulture, $"d{next * 7919 % 6000 % 97}/f{next * 7919 % 6000}"), next.ToString(CultureInfo.InvariantCulture)));
            repository.Commit(changes.ToString(), string.Create(CultureInfo.InvariantCulture, $"Author {commit % 40} <a@x>"));
        }
        repository.Import();
        var watch = Stopwatch.StartNew();
        var run = await Example.GitHistoryAsync(repository.Directory);
        Assert.Equal((0, "view equals git ls-tree: 6000 files"), (run.ExitCode, run.LastLine));
        Assert.Contains("52,000 events (50,000 file changes, 2,000 commits)", run.Output, StringComparison.Ordinal);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(40));
    }

    /// <summary>Odd names, types that change, a submodule, a merge with changes of its own, an empty commit, files that go and come back, a path too long for a key.</summary>
    private static TestRepository Everything() => new TestRepository()
        .Commit(File("plain") + File("\"with space\"") + File("\"q\\\"uote\"") + File("\"new\\nline\"") + File("caf\xc3\xa9") + File("latin\xe9") + File("back\\slash") + File("gone") + File("type"))
        .Commit("D gone\n" + File("type", "plain", "120000") + Submodule + " sub\n" + File("[red]"))
        .Branch("side", "main")
        .Commit(File("side") + File("plain", "side"), branch: "side")
        .Commit(File("plain", "y", "100755"), " <nameless@example.org>")
        .Commit("", "J\xf6rg <>")
        .Commit(File("side") + File("plain", "merged"), merge: "side")
        .Commit(File("gone", "back") + "D side\n" + File(string.Join('/', Enumerable.Repeat(new string('d', 200), 7))), "  \"odd\" \\ name <a@b>")
        .Commit(File("side/now/a/directory") + "D caf\xc3\xa9\n")
        .Import();

    private static async Task CannotRunAsync(string directory, string message, params (string Name, string? Value)[] environment)
    {
        var run = await Example.GitHistoryAsync(directory, environment);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error + run.Output, StringComparison.Ordinal);
    }

    private static IEnumerable<string> WithoutTime(string output) => output.Split('\n').Where(line => !line.Contains("events/s", StringComparison.Ordinal));
}
