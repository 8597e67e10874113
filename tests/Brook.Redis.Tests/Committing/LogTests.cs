using System.Globalization;
using Brook.Redis.Tests.Support;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Committing;

/// <summary>A log is read exactly as its limits say, and its list stays bounded.</summary>
public sealed class LogTests(SharedRedis redis)
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 100)]
    [InlineData(3, 10)]
    [InlineData(20, 5)]
    public async Task However_many_are_appended_the_list_is_at_most_about_twice_what_may_stay(int types, int keep)
    {
        var space = SharedRedis.NewNamespace();
        await using var store = await redis.Open(space: space).StartedAsync();
        var longest = 0L;
        for (var i = 0; i < 2000; i++)
        {
            var commit = CommitOf(Put("a", "1"));
            for (var n = 0; n < 5; n++) commit.Log(0, $"t{((5 * i) + n) % types}", $"{(5 * i) + n}", keep);
            await store.CommitAsync(commit);
            if (i % 10 == 0) longest = Math.Max(longest, (long)(await redis.Server.CommandAsync("LLEN", $"{{{space}}}:l:things:a"))!);
        }
        Assert.Equal(Enumerable.Range(10_000 - (types * keep), types * keep).Select(n => $"{n}"), await store.LogAsync("a"));
        Assert.InRange(longest, types * keep, 2 * types * keep + keep + 10);
    }

    [Fact]
    public async Task A_rare_type_stays_among_many_of_a_common_one()
    {
        await using var store = await redis.Open().StartedAsync();
        await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "rare", "first", 3));
        for (var i = 0; i < 500; i++) await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "common", $"{i}", 3));
        Assert.Equal(["first", "497", "498", "499"], await store.LogAsync("a"));
        Assert.Equal(["first"], await store.LogAsync("a", "rare"));
    }

    [Fact]
    public async Task A_log_without_a_limit_comes_whole_however_long()
    {
        await using var store = await redis.Open().StartedAsync();
        for (var i = 0; i < 4; i++)
        {
            var commit = CommitOf(Put("a", "1"));
            for (var n = 0; n < 6000; n++) commit.Log(0, "t", string.Create(CultureInfo.InvariantCulture, $"{(6000 * i) + n}"), BrookOptions.KeepAll);
            await store.CommitAsync(commit);
        }
        Assert.Equal(Enumerable.Range(0, 24_000).Select(n => $"{n}"), await store.LogAsync("a"));
    }
}
