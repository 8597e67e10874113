using Brook.Redis.Tests.Support;
using static Brook.Redis.Tests.Support.ElixirProbe;

namespace Brook.Redis.Tests.Elixir;

/// <summary>Elixir's Brook finds keys by patterns that it does not escape, and joins names with colons. What came of that there does not happen here.</summary>
public sealed class ElixirNameTests(SharedRedis redis)
{
    [Fact]
    public async Task All_of_a_collection_is_not_all_of_another_whose_name_goes_on_with_a_colon()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "1", "1");
        await elixir.PersistAsync("people:old", "1", "2");
        await net.CommitAsync(Put("people:old", "2", "3"));
        Assert.Equal(["1"], await net.KeysAsync("people"));
        Assert.Equal(["1", "2"], await net.KeysAsync("people:old"));
        Assert.Equal(1, await net.Store.CountAsync("people", TestContext.Current.CancellationToken));
        Assert.Equal(2, await net.Store.CountAsync("people:old", TestContext.Current.CancellationToken));
        Assert.Null(await net.ValueAsync("people", "old:1"));
        Assert.Equal(["state:people:1", "state:people:old:1", "state:people:old:2"], await elixir.KeysAsync("state:people:*"));
    }

    [Fact]
    public async Task Names_with_the_characters_of_patterns_are_found_and_match_nothing_else()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        string[] names = ["c[1]", "c1", "peo*", "people", "c?", "[ab]", "a", "c\\", "c^"];
        foreach (var name in names) await elixir.PersistAsync(name, "k", $"\"{name.Length}\"");
        foreach (var name in names)
        {
            Assert.Equal(["k"], await net.KeysAsync(name));
            Assert.Equal([$"elixir t {name.Length}"], await net.LogAsync(name, "k"));
        }
    }

    [Fact]
    public async Task Deleting_a_takes_no_log_of_a_b()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        foreach (var key in (string[])["a", "a:b", "a:b:c", "ab"]) await elixir.PersistAsync("people", key, "1", "ref:create");
        await net.CommitAsync(Delete("people", "a"));
        Assert.Equal(["events:people:a:b:c:ref:create", "events:people:a:b:ref:create", "events:people:ab:ref:create"], await elixir.KeysAsync("events:*"));
        Assert.Equal(["elixir ref:create 1"], await net.LogAsync("people", "a:b"));
        await net.CommitAsync(Delete("people", "a:b"));
        Assert.Equal(["events:people:a:b:c:ref:create", "events:people:ab:ref:create"], await elixir.KeysAsync("events:*"));
    }

    [Fact]
    public async Task Deleting_a_star_takes_no_other_log()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        foreach (var key in (string[])["*", "a", "**"]) await elixir.PersistAsync("people", key, "1");
        await net.CommitAsync(Delete("people", "*"));
        Assert.Equal(["events:people:**:t", "events:people:a:t"], await elixir.KeysAsync("events:*"));
    }

    [Fact]
    public async Task Events_of_a_are_not_those_of_a_b()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "a", "1", "ref:create");
        await elixir.PersistAsync("people", "a:b", "2", "ref:create");
        Assert.Equal(["elixir ref:create 1"], await net.LogAsync("people", "a"));
        Assert.Equal(["elixir ref:create 2"], await net.LogAsync("people", "a:b"));
    }

    [Fact]
    public async Task A_list_that_two_entries_share_is_told_apart_event_by_event()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await elixir.PersistAsync("people", "a", "1", "sub:t");           // both are events:people:a:sub:t
        await elixir.PersistAsync("people", "a:sub", "2", "t");
        await net.CommitAsync(Put("people", "a", "3"), "sub:t");
        Assert.Equal(["elixir sub:t 1", "net sub:t 1"], await net.LogAsync("people", "a"));
        Assert.Equal(["elixir sub:t 1", "net sub:t 1"], await net.LogAsync("people", "a", "sub:t"));
        Assert.Equal(["elixir t 2"], await net.LogAsync("people", "a:sub"));
        await net.CommitAsync(Delete("people", "a"));
        Assert.Equal(["elixir t 2"], await net.LogAsync("people", "a:sub"));
        await net.CommitAsync(Put("people", "a", "4"));
        Assert.Empty(await net.LogAsync("people", "a"));
        await net.CommitAsync(Delete("people", "a:sub"));
        Assert.Empty(await elixir.KeysAsync("events:*"));
    }

    [Fact]
    public async Task An_entry_whose_redis_key_is_anothers_is_missing_and_cannot_be_stored()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await net.CommitAsync(Put("a", "b:c", "1"), "t");
        Assert.Null(await net.ValueAsync("a:b", "c"));
        Assert.Empty(await net.LogAsync("a:b", "c"));
        var error = await Assert.ThrowsAsync<BrookException>(() => net.CommitAsync(Put("a:b", "c", "2")));
        Assert.StartsWith("The entry a:b/c cannot be stored in Elixir's layout: its Redis key ", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
        Assert.True((await net.CommitAsync(Delete("a:b", "c", 0))).IsCommitted);        // nothing is there, so nothing goes
        Assert.Equal("1", await net.ValueAsync("a", "b:c"));
        Assert.Equal(["net t 1"], await net.LogAsync("a", "b:c"));
        Assert.Equal(["events:a:b:c:t", "state:a:b:c"], await elixir.KeysAsync("[se]*"));
    }

    [Fact]
    public async Task Nothing_of_ours_stands_where_Elixir_looks()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        await net.CommitAsync(Put("$lanes", "0", "{}"), "t");
        await net.CommitAsync(Put("people", "1", "1") with { ExpiresAt = DateTimeOffset.MaxValue }, "t");
        Assert.Equal(["state:people:1"], await elixir.KeysAsync("state:*"));
        Assert.Equal(["events:people:1:t"], await elixir.KeysAsync("events:*"));
        Assert.Equal(["mt:ends", "mt:i:$lanes", "mt:id", "mt:l:$lanes:0", "mt:s:$lanes", "mt:v:people"], await elixir.KeysAsync("mt:*"));
    }
}
