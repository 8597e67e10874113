using System.Globalization;
using Brook.Sqlite.Tests.Support;
using Brook.Storage;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Failures;

/// <summary>Several processes on one file, and their ends.</summary>
public sealed class ProcessesTests(Files files)
{
    [Fact]
    public async Task A_process_that_is_killed_while_it_writes_leaves_whole_commits_and_all_it_was_told_of()
    {
        var path = files.NewFile();
        await using var reader = await files.Open(path: path).StartedAsync();
        for (var round = 0; round < 5; round++)
        {
            using var writer = Program.StartWriter(path, "w");
            var told = 0;
            for (var i = 0; i < 20 + round; i++) told = int.Parse((await writer.StandardOutput.ReadLineAsync(Token))!, CultureInfo.InvariantCulture);
            writer.Kill();
            while (await writer.StandardOutput.ReadLineAsync(Token) is { } line) told = int.Parse(line, CultureInfo.InvariantCulture);
            await writer.WaitForExitAsync(Token);

            var found = await reader.ReadAsync(new EntryKey[] { new("things", "all"), new("things", "w"), new("things", "w.0"), new("things", "w.49") }, Token);
            var count = int.Parse((await reader.ReadAsync("w"))!, CultureInfo.InvariantCulture);
            Assert.InRange(count, told, told + 1);                  // the last one may have been committed and not said
            Assert.All(found, entry => Assert.Equal(found[0], entry with { Value = found[0].Value }));
            Assert.Equal(Enumerable.Range(1, count).Select(n => $"{n}"), await reader.LogAsync("w"));
            await reader.CommitAsync(Put("mine", $"{round}"));      // and nothing is locked
        }
    }

    [Fact]
    public async Task Two_processes_that_write_the_same_entry_take_turns_and_lose_nothing()
    {
        var path = files.NewFile();
        await using var reader = await files.Open(path: path).StartedAsync();
        using (var one = Program.StartWriter(path, "one"))
        using (var two = Program.StartWriter(path, "two"))
        {
            for (var i = 0; i < 40; i++)
            {
                Assert.NotNull(await one.StandardOutput.ReadLineAsync(Token));
                Assert.NotNull(await two.StandardOutput.ReadLineAsync(Token));
            }
            one.Kill();
            two.Kill();
            await Task.WhenAll(one.WaitForExitAsync(Token), two.WaitForExitAsync(Token));
        }
        var (first, second) = (int.Parse((await reader.ReadAsync("one"))!, CultureInfo.InvariantCulture), int.Parse((await reader.ReadAsync("two"))!, CultureInfo.InvariantCulture));
        Assert.Equal($"{first + second}", await reader.ReadAsync("all"));
        Assert.Equal(Enumerable.Range(1, first).Select(n => $"{n}"), await reader.LogAsync("one"));
    }

    [Fact]
    public async Task Many_that_open_a_new_file_at_once_all_can()
    {
        var path = files.NewFile();
        var stores = Enumerable.Range(0, 6).Select(_ => files.Open(path: path)).ToList();
        await Task.WhenAll(stores.Select(store => Task.Run(async () => await store.StartAsync(Token))));
        await Task.WhenAll(stores.Select((store, i) => Task.Run(() => store.CommitAsync(Put($"{i}", "1")))));
        Assert.Equal(6, await stores[0].CountAsync("things", Token));
        foreach (var store in stores) await store.DisposeAsync();
        Assert.Equal([path], Directory.GetFiles(files.Path, $"{Path.GetFileName(path)}*"));      // who closes last puts all into the file
    }

    [Fact]
    public async Task While_another_process_writes_readers_go_on_and_a_commit_waits_and_then_says_why()
    {
        var path = files.NewFile();
        await using var store = await new SqliteViewStore(path, new SqliteStoreOptions { BusyTimeout = TimeSpan.FromMilliseconds(300) }).StartedAsync();
        var version = await store.CommitAsync(Put("a", "1"));
        using (var other = Database.Open(path, create: false))
        {
            other.Run("BEGIN IMMEDIATE; DELETE FROM entries");
            Assert.Equal("1", await store.ReadAsync("a"));
            var error = await FailsAsync(() => store.CommitAsync(Put("a", "2", version)), transient: true);
            Assert.Matches("view[0-9]+\\.db was locked by another process for 0\\.[3-9] s\\. Nothing was written; it is tried again\\. If this stays, look for a process that keeps a transaction open \\(fuser view[0-9]+\\.db\\), or raise BusyTimeout\\.$", error.Message);

            using var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await store.CommitAsync(CommitOf(Put("a", "2")), cancelled.Token));
            other.Rollback();
        }
        await store.CommitAsync(Put("a", "2", version));
    }

    [Fact]
    public async Task A_commit_waits_for_another_process_that_is_soon_done()
    {
        var path = files.NewFile();
        await using var store = await files.Open(path: path).StartedAsync();
        using var other = Database.Open(path, create: false);
        other.Run("BEGIN IMMEDIATE");
        var committing = store.CommitAsync(Put("a", "1"));
        await Task.Delay(50, Token);
        Assert.False(committing.IsCompleted);
        other.Rollback();
        await committing;
        Assert.Equal("1", await store.ReadAsync("a"));
    }
}
