using System.Globalization;
using Examples.Tests.Support;
using static Examples.Tests.Support.TestRepository;

namespace Examples.Tests;

public sealed class GitHistoryOnSqliteTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_view_outlives_the_run_and_the_next_one_follows_what_is_new()
    {
        using var repository = new TestRepository().Commit(File("a") + File("b")).Commit(File("a", "y")).Import();
        var folder = Directory.CreateTempSubdirectory("brook-example-").FullName;
        try
        {
            var path = Path.Combine(folder, "view.db");
            var first = await RunAsync(path, repository);
            var second = await RunAsync(path, repository);
            repository.Commit("from refs/heads/main^0\n" + File("c") + "D b\n").Import();
            var third = await RunAsync(path, repository);

            Assert.Equal((0, "view equals git ls-tree: 2 files"), (first.ExitCode, first.LastLine));
            Assert.Equal((0, "view equals git ls-tree: 2 files"), (second.ExitCode, second.LastLine));
            Assert.Contains("the view is up to date: it has the history up to ", second.Output, StringComparison.Ordinal);
            Assert.Contains(", 2 commits; 1 are new", third.Output, StringComparison.Ordinal);
            Assert.Contains("authors and days add up to what was sent: 5 file changes, 3 commits", third.Output, StringComparison.Ordinal);
            Assert.Equal((0, "view equals git ls-tree: 2 files"), (third.ExitCode, third.LastLine));
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    [Fact]
    public async Task Without_a_path_the_file_is_called_after_the_repository()
    {
        using var repository = new TestRepository().Commit(File("a")).Import();
        var folder = Directory.CreateTempSubdirectory("brook-example-").FullName;
        try
        {
            var run = await Example.RunAsync("GitHistory.dll", ["--store", "sqlite", repository.Directory], folder);
            Assert.Equal(0, run.ExitCode);
            Assert.Matches("^git-history-[0-9a-f]{12}\\.db$", Path.GetFileName(Assert.Single(Directory.GetFiles(folder))));
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    [Fact]
    public async Task Killed_in_the_middle_and_started_again_the_proof_holds()
    {
        using var repository = Large();
        var folder = Directory.CreateTempSubdirectory("brook-example-").FullName;
        try
        {
            var path = Path.Combine(folder, "view.db");
            for (var kill = 0; kill < 3; kill++)
            {
                using var run = Example.Start("GitHistory.dll", "--store", "sqlite", "--path", path, repository.Directory);
                while (!run.HasExited && (!System.IO.File.Exists($"{path}-wal") || new FileInfo($"{path}-wal").Length < (kill + 1) * 100_000)) await Task.Delay(5, Token);
                run.Kill();
                await run.WaitForExitAsync(Token);
            }
            var last = await RunAsync(path, repository);
            Assert.Equal((0, "view equals git ls-tree: 4000 files"), (last.ExitCode, last.LastLine));
            Assert.Contains("authors and days add up to what was sent: 4,000 file changes, 80 commits", last.Output, StringComparison.Ordinal);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    [Fact]
    public async Task A_path_without_sqlite_is_named()
    {
        var run = await Example.RunAsync("GitHistory.dll", ["--path", "view.db"]);
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith("--path belongs to --store sqlite.\n\nusage: ", run.Error, StringComparison.Ordinal);
    }

    private static Task<Example> RunAsync(string path, TestRepository repository) => Example.RunAsync("GitHistory.dll", ["--store", "sqlite", "--path", path, repository.Directory]);

    private static TestRepository Large()
    {
        var repository = new TestRepository();
        for (var c = 0; c < 80; c++) repository.Commit(string.Concat(Enumerable.Range(0, 50).Select(i => File(string.Create(CultureInfo.InvariantCulture, $"d{i}/f{c}")))));
        return repository.Import();
    }
}
