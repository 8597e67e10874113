using Brook.Sqlite.Tests.Support;
using Brook.Storage;
using Microsoft.Data.Sqlite;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Committing;

/// <summary>Records lie in the order of their arrival; what does not count any more is removed some at a time, and never read.</summary>
public sealed class LogsTests(Files files)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(100)]
    public async Task A_log_has_the_newest_records_of_each_type_in_order_and_never_half_as_many_more_than_it_may(int keep)
    {
        var (path, all) = (files.NewFile(), new List<(string Type, string Record)>());
        await using var store = await files.Open(path: path).StartedAsync();
        var random = new Random(keep);
        for (var i = 0; i < 120; i++)
        {
            var commit = CommitOf(Put("a", $"{i}"), Put("b", $"{i}"));
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                all.Add((random.Next(3) == 0 ? "rare" : "often", $"{all.Count}"));
                commit.Log(0, all[^1].Type, all[^1].Record, keep).Log(1, "other", "1", BrookOptions.KeepAll);
            }
            await store.CommitAsync(commit);
            Assert.InRange(Rows(path) - all.Count, Math.Min(all.Count, keep), 2 * (keep + Math.Max(1, keep / 2)));
        }
        var stays = (string[])["rare", "often"];
        Assert.Equal(stays.SelectMany(type => all.Where(one => one.Type == type).TakeLast(keep)).Select(one => one.Record).OrderBy(int.Parse), await store.LogAsync("a"));
        foreach (var type in stays) Assert.Equal(all.Where(one => one.Type == type).TakeLast(keep).Select(one => one.Record), await store.LogAsync("a", type));
    }

    [Fact]
    public async Task A_commit_with_more_records_than_may_stay_leaves_those_that_may_and_a_larger_limit_lets_more_stay()
    {
        var path = files.NewFile();
        await using var store = await files.Open(path: path).StartedAsync();
        foreach (var first in (int[])[0, 100, 200])
        {
            var commit = CommitOf(Put("a", "1"));
            for (var i = 0; i < 50; i++) commit.Log(0, "t", $"{first + i}", keep: 3);
            await store.CommitAsync(commit);
            Assert.Equal([$"{first + 47}", $"{first + 48}", $"{first + 49}"], await store.LogAsync("a"));
            Assert.Equal(3, Rows(path));
        }
        for (var i = 0; i < 4; i++) await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "t", $"{300 + i}", keep: 5));
        Assert.Equal(["249", "300", "301", "302", "303"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task A_log_that_is_dropped_deleted_or_has_ended_leaves_no_record_behind()
    {
        var (path, time) = (files.NewFile(), new Microsoft.Extensions.Time.Testing.FakeTimeProvider());
        await using var store = await files.Open(time, path).StartedAsync();
        foreach (var key in (string[])["deleted", "dropped", "ended"])
        {
            var commit = CommitOf(new CommitEntry(new("things", key), EntryAction.Put, null, Json("1")) { ExpiresAt = key == "ended" ? time.GetUtcNow().AddMinutes(1) : null });
            for (var i = 0; i < 20; i++) commit.Log(0, i % 3 == 0 ? "t" : "u", $"{i}", keep: 9);
            await store.CommitAsync(commit);
        }
        Assert.Equal(3 * (7 + 9), Rows(path));
        time.Advance(TimeSpan.FromMinutes(1));
        var last = CommitOf(Delete("deleted"), Put("dropped", "2") with { DropLog = true }, Put("ended", "2"));
        await store.CommitAsync(last.Log(1, "u", "1").Log(2, "t", "1"));
        Assert.Equal(2, Rows(path));
        foreach (var key in (string[])["dropped", "ended"]) Assert.Equal(["1"], await store.LogAsync(key));
        Assert.Empty(await store.LogAsync("deleted"));
    }

    [Fact]
    public async Task What_another_program_did_to_a_log_is_said_and_other_entries_go_on()
    {
        var path = files.NewFile();
        await using var store = await files.Open(path: path).StartedAsync();
        await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "1")).Log(0, "t", "1").Log(0, "t", "2").Log(1, "t", "1"));
        Run(path, "DELETE FROM log WHERE id = 1");
        Assert.StartsWith($"{path} is damaged (log record 1 is missing, SQLite code 11).", (await FailsAsync(() => store.LogAsync("a"), transient: false)).Message, StringComparison.Ordinal);
        Run(path, "UPDATE entries SET log = '[[no]]' WHERE key = 'a'");
        foreach (var call in (Func<Task>[])[() => store.LogAsync("a"), () => store.CommitAsync(CommitOf(Put("a", "2")).Log(0, "t", "3"))])
            Assert.Equal("Where a log ends cannot be read: '[[no]]' in the column log of the table entries. Brook did not write that. Restore a backup, or move the file away with its -wal and -shm and replay.", (await FailsAsync(call, transient: false)).Message);
        await store.CommitAsync(CommitOf(Put("b", "2")).Log(0, "t", "2"));
        Assert.Equal(["1", "2"], await store.LogAsync("b"));
    }

    private static void Run(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // the texts above
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static long Rows(string path)
    {
        using var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var count = connection.CreateCommand();
        count.CommandText = "SELECT count(*) FROM log";
        return (long)count.ExecuteScalar()!;
    }
}
