using Brook.Redis.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Expiring;

/// <summary>What has expired is missing at once; its memory is freed a little later, its log's too.</summary>
public sealed class SweeperTests(SharedRedis redis)
{
    [Fact]
    public async Task Expired_entries_are_removed_with_their_logs_where_nothing_is_written_any_more()
    {
        var (time, space) = (new FakeTimeProvider(), SharedRedis.NewNamespace());
        await using var store = await redis.Open(time, space).StartedAsync();
        await FillAsync(store, time, 1200);
        await SweptAsync(time, space);
    }

    [Fact]
    public async Task A_process_that_starts_later_removes_them_as_well()
    {
        var (time, space) = (new FakeTimeProvider(), SharedRedis.NewNamespace());
        await using (var store = await redis.Open(time, space).StartedAsync()) await FillAsync(store, time, 10);
        await using var other = await redis.Open(time, space).StartedAsync();
        await SweptAsync(time, space);
    }

    [Fact]
    public async Task A_commit_to_the_collection_removes_some_itself()
    {
        var (time, space) = (new FakeTimeProvider(), SharedRedis.NewNamespace());
        await using var store = await redis.Open(time, space).StartedAsync();
        await FillAsync(store, time, 150);
        time.SetUtcNow(time.GetUtcNow() + TimeSpan.FromSeconds(30));
        await store.CommitAsync(Put("new", "1"));
        Assert.Equal(51L, await redis.Server.CommandAsync("HLEN", $"{{{space}}}:s:things"));
        Assert.Equal(1, await store.CountAsync("things", Token));
    }

    private static async Task FillAsync(RedisViewStore store, FakeTimeProvider time, int count)
    {
        var commit = CommitOf([.. Enumerable.Range(0, count).Select(i => Put($"{i}", "1") with { ExpiresAt = time.GetUtcNow().AddSeconds(10) })]);
        for (var i = 0; i < count; i++) commit.Log(i, "t", "1");
        await store.CommitAsync(commit);
    }

    private async Task SweptAsync(FakeTimeProvider time, string space)
    {
        Assert.True((long)(await redis.Server.CommandAsync("HLEN", $"{{{space}}}:s:things"))! > 0);
        time.Advance(TimeSpan.FromMinutes(1));
        await UntilAsync(async () => (long)(await redis.Server.CommandAsync("HLEN", $"{{{space}}}:s:things"))! == 0, "the sweep");
        Assert.Equal(0L, await redis.Server.CommandAsync("EXISTS", $"{{{space}}}:i:things", $"{{{space}}}:x:things", $"{{{space}}}:l:things:0", $"{{{space}}}:l:things:9"));
    }
}
