using System.Globalization;
using Brook.Sqlite.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Committing;

/// <summary>What a commit has survived when it is answered.</summary>
public sealed class DurabilityTests(Files files)
{
    [Theory]
    [InlineData(SqliteDurability.Durable, 2)]
    [InlineData(SqliteDurability.Fast, 1)]
    public void The_name_is_the_synchronous_of_the_writing_connection(SqliteDurability durability, int synchronous)
    {
        using var database = new StartCheck(files.NewFile(), new SqliteStoreOptions { Durability = durability }, Schema.Current, NullLogger.Instance).Run();
        Assert.Equal((synchronous, "wal"), (database.AskNumber("PRAGMA synchronous"), database.Ask("PRAGMA journal_mode")));
    }

    /// <summary>At a loss of power the disk has the file and as much of its log as was flushed: some of the last commits may be gone, none is there in part.</summary>
    [Fact]
    public async Task However_much_of_the_log_is_there_after_a_crash_the_commits_in_it_are_whole()
    {
        var (path, random) = (files.NewFile(), new Random(1));
        await using var store = await files.Open(path: path).StartedAsync();
        for (var n = 1; n <= 20; n++) await store.CommitAsync(CommitOf([Put("count", $"{n}"), .. Enumerable.Range(0, 30).Select(i => Put($"{i}", $"{n}"))]).Log(0, "t", $"{n}"));
        var counts = new HashSet<int>();
        for (var trial = 0; trial < 40; trial++)
        {
            var copy = files.NewFile();
            File.Copy(path, copy);
            File.Copy($"{path}-wal", $"{copy}-wal");
            var length = new FileInfo($"{copy}-wal").Length;
            await using (var log = File.OpenWrite($"{copy}-wal")) log.SetLength(trial == 0 ? length : random.NextInt64(length));
            await using var after = await files.Open(path: copy).StartedAsync();
            var count = int.Parse(await after.ReadAsync("count") ?? "0", CultureInfo.InvariantCulture);
            counts.Add(count);
            if (trial == 0) Assert.Equal(20, count);
            for (var i = 0; i < 30; i++) Assert.Equal(count == 0 ? null : $"{count}", await after.ReadAsync($"{i}"));
            Assert.Equal(Enumerable.Range(1, count).Select(n => $"{n}"), await after.LogAsync("count"));
            await after.CommitAsync(Put("count", "21"));
        }
        Assert.True(counts.Count > 5, $"only {counts.Count} different ends");
    }

    [Fact]
    public async Task Commits_that_come_in_together_are_all_answered_and_ordered_as_they_came()
    {
        await using var store = await files.Open(durability: SqliteDurability.Durable).StartedAsync();
        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => store.CommitAsync(CommitOf(Put($"{i}", "1"), Put("last", $"{i}")).Log(1, "t", $"{i}", BrookOptions.KeepAll))));
        Assert.Equal(301, await store.CountAsync("things", Token));
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"{i}"), await store.LogAsync("last"));
    }

    [Fact]
    public async Task What_is_queued_is_written_when_the_store_is_closed_and_later_calls_are_refused()
    {
        var path = files.NewFile();
        var store = await files.Open(path: path).StartedAsync();
        var calls = Enumerable.Range(0, 100).Select(i => store.CommitAsync(Put($"{i}", "1"))).ToList();
        await store.DisposeAsync();
        await Task.WhenAll(calls);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.CommitAsync(Put("a", "1")));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.ReadAsync("a"));
        await store.DisposeAsync();
        await using var again = await files.Open(path: path).StartedAsync();
        Assert.Equal(100, await again.CountAsync("things", Token));
    }

    [Fact]
    public async Task A_store_that_was_not_started_says_so()
    {
        await using var store = files.Open();
        Assert.Equal("The store was not started: call StartAsync first.", (await Assert.ThrowsAsync<InvalidOperationException>(() => store.CommitAsync(Put("a", "1")))).Message);
        Assert.Equal("The store was not started: call StartAsync first.", (await Assert.ThrowsAsync<InvalidOperationException>(() => store.ReadAsync("a"))).Message);
    }
}
