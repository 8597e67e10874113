using Brook.Sqlite.Tests.Support;
using Brook.Storage;
using static Brook.Tests.Shared.Entries;

namespace Brook.Sqlite.Tests.Signalling;

/// <summary>Who watches is told of what another store, or another process, writes to the file; and when it can be read.</summary>
public sealed class SignalTests(Files files)
{
    private static readonly EntryKey s_lane = new("$lanes", "orders/3");
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(SqliteDurability.Durable)]
    [InlineData(SqliteDurability.Fast)]
    public async Task Every_commit_of_another_store_can_be_read_after_some_signal(SqliteDurability durability)
    {
        var path = files.NewFile();
        await using var store = await files.Open(path: path, durability: durability).StartedAsync();
        await using var other = await files.Open(path: path, durability: durability).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await other.WatchAsync(s_lane, () => told.Release(), Token);
        Assert.NotNull(watch);
        for (var i = 0; i < 30; i++)
        {
            var committing = store.CommitAsync(Put(s_lane.Key, $"{i}", collection: "$lanes"));
            while (await other.ReadAsync(s_lane.Key, "$lanes") != $"{i}") Assert.True(await told.WaitAsync(s_patience, Token), $"commit {i} was never told");
            await committing;
        }
    }

    [Fact]
    public async Task Another_process_that_writes_is_noticed_and_afterwards_all_is_quiet()
    {
        var path = files.NewFile();
        await using var store = await files.Open(path: path).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await store.WatchAsync(s_lane, () => told.Release(), Token);
        using (var writer = Program.StartWriter(path, "w"))
        {
            Assert.NotNull(await writer.StandardOutput.ReadLineAsync(Token));
            Assert.True(await told.WaitAsync(s_patience, Token));
            writer.Kill();
            await writer.WaitForExitAsync(Token);
        }
        while (await told.WaitAsync(TimeSpan.FromMilliseconds(500), Token)) { }         // the looks after the last write
        Assert.False(await told.WaitAsync(TimeSpan.FromMilliseconds(500), Token));
    }

    [Fact]
    public async Task When_nobody_watches_any_more_nobody_is_told_and_one_who_comes_later_is()
    {
        await using var store = await files.Open().StartedAsync();
        var told = 0;
        for (var i = 0; i < 3; i++)
        {
            var heard = new SemaphoreSlim(0);
            await using (await store.WatchAsync(s_lane, () => { heard.Release(); Interlocked.Increment(ref told); }, Token))
            {
                await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
                Assert.True(await heard.WaitAsync(s_patience, Token));
            }
            await store.CommitAsync(Put("quiet", "1"));
            var before = Volatile.Read(ref told);
            for (var n = 0; n < 20; n++) await store.CommitAsync(Put(s_lane.Key, "2", collection: "$lanes"));
            Assert.InRange(Volatile.Read(ref told), before, before + 1);                // one that was under way
        }
    }
}
