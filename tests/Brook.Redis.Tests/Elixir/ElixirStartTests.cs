using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Redis.Tests.Support.ElixirProbe;

namespace Brook.Redis.Tests.Elixir;

public sealed class ElixirStartTests(SharedRedis redis)
{
    [Fact]
    public async Task A_cluster_is_refused_unless_the_namespace_is_a_hash_tag()
    {
        _ = redis.Server;
        await using var cluster = await RedisServer.StartAsync(new RedisServerOptions { ClusterEnabled = true }, TestContext.Current.CancellationToken);
        await using var plain = Open(cluster.ConnectionString, "app");
        var error = await Assert.ThrowsAsync<BrookException>(async () => await plain.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("is a cluster, and the namespace 'app' would spread over it", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
        await using var tagged = new ElixirProbe(Open(cluster.ConnectionString, "{app}"));
        await tagged.Store.StartAsync(TestContext.Current.CancellationToken);
        foreach (var key in (string[])["1", "2"]) await tagged.CommitAsync(Put("people", key, "1"), "a:b", "c");
        Assert.Equal(["1", "2"], await tagged.KeysAsync("people"));
        await tagged.CommitAsync(Delete("people", "1"));
        Assert.Equal(["net a:b 1", "net c 1"], await tagged.LogAsync("people", "2"));
        Assert.Equal(1, await tagged.Store.CountAsync("people", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Rights_that_are_missing_are_named_at_the_start()
    {
        _ = redis.Server;
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { UserAcl = ["narrow on >p ~app:mt:* +@all", "unable on >p ~app:* +@all -lrem -scan", "app on >p ~app:* +@all -@admin -keys"] }, TestContext.Current.CancellationToken);
        foreach (var (user, expected) in new Dictionary<string, string> { ["narrow"] = "does not allow this user what Brook needs", ["unable"] = "does not allow this user LREM, SCAN on app:*" })
        {
            await using var store = Open($"{server.ConnectionString},user={user},password=p", "app");
            Assert.Contains(expected, (await Assert.ThrowsAsync<BrookException>(async () => await store.StartAsync(TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);
        }
        await using var allowed = Open($"{server.ConnectionString},user=app,password=p", "app");
        await allowed.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("[mt:id]", $"[{string.Join(", ", ((object?[])(await server.CommandAsync("KEYS", "app:*"))!).Select(name => $"{name}"["app:".Length..]))}]");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(" ")]
    [InlineData("a\nb")]
    public void The_namespace_must_be_given(string? space)
    {
        var error = Assert.Throws<BrookException>(() => new ServiceCollection().AddBrookInProcess(brook => brook.UseRedis("localhost", options => options.Namespace = space, RedisLayout.ElixirBrook)));
        Assert.Contains("in the Elixir layout it must be the namespace of the Elixir application", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_of_another_kind_is_an_error_and_nothing_is_written()
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        var server = await redis.ConnectAsync();
        await server.StringSetAsync(elixir.LogOf("people", "1", "t"), "x");
        await server.ListRightPushAsync(elixir.StateOf("people", "2"), "x");
        foreach (var key in (string[])["1", "2"])
            Assert.Contains("holds something else than Brook's at", (await Assert.ThrowsAsync<BrookException>(() => net.CommitAsync(Put("people", key, "1"), "t"))).Message, StringComparison.Ordinal);
        Assert.Empty(await elixir.KeysAsync("state:people:1"));
        Assert.Empty(await elixir.KeysAsync("events:people:2:*"));
    }

    [Fact]
    public async Task Data_that_was_lost_is_noticed()
    {
        var space = SharedRedis.NewNamespace();
        await using var other = new ElixirProbe(redis.OpenElixir(space: space));
        await other.Store.StartAsync(TestContext.Current.CancellationToken);
        await (await redis.ConnectAsync()).KeyDeleteAsync($"{space}:mt:id");
        Assert.StartsWith($"The data of the view {space}:* is not what this application started with", (await Assert.ThrowsAsync<BrookException>(() => other.CommitAsync(Put("a", "b", "1")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_full_takes_nothing_of_a_commit()
    {
        _ = redis.Server;
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { MaxMemory = "4mb", MaxMemoryPolicy = "noeviction" }, TestContext.Current.CancellationToken);
        await using var net = new ElixirProbe(Open(server.ConnectionString, "app"));
        await net.Store.StartAsync(TestContext.Current.CancellationToken);
        await net.CommitAsync(Put("people", "ends", "1") with { ExpiresAt = TimeProvider.System.GetUtcNow().AddMilliseconds(1) }, "t");
        var filler = $"\"{new string('x', 100_000)}\"";
        BrookException? error = null;
        for (var i = 0; error is null && i < 100; i++)
        {
            try { await net.CommitAsync(Put("filler", $"{i}", filler)); }
            catch (BrookException e) { error = e; }
        }
        Assert.True(error is { IsTransient: true });
        Assert.Contains("has no memory left", error.Message, StringComparison.Ordinal);
        var before = await net.Store.CountAsync("filler", TestContext.Current.CancellationToken);
        var commit = new Commit(Commit.NewVersion());
        commit.Add(Put("$lanes", "0", "{}"));
        commit.Add(Put("people", "1", filler));
        commit.Add(new CommitAppend(1, "t", "1"u8.ToArray(), 9));
        commit.Add(Delete("filler", "0"));
        await Assert.ThrowsAsync<BrookException>(async () => await net.Store.CommitAsync(commit, TestContext.Current.CancellationToken));
        Assert.Null(await net.ValueAsync("people", "1"));
        Assert.Null(await net.ValueAsync("$lanes", "0"));
        Assert.Equal(before, await net.Store.CountAsync("filler", TestContext.Current.CancellationToken));
        for (var i = 0; i < 5; i++) Assert.True((await net.CommitAsync(Delete("filler", $"{i}"))).IsCommitted);
        Assert.True((await net.Store.CommitAsync(commit, TestContext.Current.CancellationToken)).IsCommitted);
    }

    private static ElixirViewStore Open(string configuration, string space)
    {
        var options = new RedisStoreOptions { Namespace = space };
        return new(RedisConfiguration.Connection(RedisConfiguration.Parse(configuration), options), options);
    }
}
