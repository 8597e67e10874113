using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using Microsoft.Extensions.Logging.Testing;
using StackExchange.Redis;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Signalling;

/// <summary>Who watches a lane's entry is told of commits of another process, also after the connection was lost; where the user may not, nothing else suffers.</summary>
public sealed class SignalTests(SharedRedis redis)
{
    private const string Rights = "~{brook}:* resetchannels -@all +echo +ping +info +evalsha +eval +get +setnx +exists +hset +hmget +hget +hlen +hdel +rpush +lpush +lindex +lrange +ltrim +rpop +zadd +zcard +zscore +zcount +zrangebyscore +zrangebylex +zrem +sadd +smembers +del +unlink";
    private static readonly EntryKey s_lane = new("$lanes", "orders/3");

    [Fact]
    public async Task Another_process_is_told_of_its_lane_and_of_no_other()
    {
        var space = SharedRedis.NewNamespace();
        await using var store = await redis.Open(space: space).StartedAsync();
        await using var other = await redis.Open(space: space).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using (await other.WatchAsync(s_lane, () => told.Release(), Token))
        {
            await store.CommitAsync(Put("orders/4", "1", collection: "$lanes"), Put("orders/3", "1"));
            await store.CommitAsync(CommitOf(new CommitEntry(s_lane, EntryAction.Check, 0), Put("a", "1")));
            await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
            Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));
            Assert.Equal(0, told.CurrentCount);
        }
        var admin = await redis.ConnectAsync();
        await UntilAsync(async () => ((RedisResult[])(await admin.ExecuteAsync("PUBSUB", "NUMSUB", $"{{{space}}}:lane:orders/3"))!)[1].ToString() == "0", "the end of the subscription");
    }

    [Fact]
    public async Task The_elixir_layout_tells_as_well()
    {
        var space = SharedRedis.NewNamespace();
        await using var store = redis.OpenElixir(space: space);
        await using var other = redis.OpenElixir(space: space);
        await store.StartAsync(Token);
        await other.StartAsync(Token);
        var told = new SemaphoreSlim(0);
        await using var watch = await other.WatchAsync(s_lane, () => told.Release(), Token);
        await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"), Put("a", "1"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    [Fact]
    public async Task A_connection_that_was_lost_may_have_missed_something_and_goes_on()
    {
        await using var server = await StartAsync();
        await using var proxy = TcpProxy.Start(server.Host, server.Port);
        await using var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await using var other = await new RedisViewStore(proxy.ConnectionString).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await other.WatchAsync(s_lane, () => told.Release(), Token);
        for (var i = 0; i < 3; i++)
        {
            while (told.Wait(0, Token)) { }
            proxy.CutAll();
            Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token), "nothing was told after the connection came back");
        }
        await UntilAsync(async () =>
        {
            await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
            return await told.WaitAsync(TimeSpan.FromMilliseconds(200), Token);
        }, "a commit that is heard again");
    }

    [Fact]
    public async Task A_cluster_keeps_the_channel_with_its_view()
    {
        await using var server = await StartAsync(new() { ClusterEnabled = true });
        await using var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await using var other = await new RedisViewStore(server.ConnectionString).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await other.WatchAsync(s_lane, () => told.Release(), Token);
        await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));
        Assert.Contains("{brook}:lane:orders/3", (object[])(await server.CommandAsync("PUBSUB", "SHARDCHANNELS"))!);
    }

    [Fact]
    public async Task A_user_who_may_not_publish_or_subscribe_is_told_so_and_commits_all_the_same()
    {
        await using var server = await StartAsync(new() { UserAcl = [$"app on >secret {Rights}"] });
        var logs = new FakeLogger();
        await using var store = await new RedisViewStore($"{server.ConnectionString},user=app,password=secret", logger: logs).StartedAsync();
        var version = await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
        await store.CommitAsync(Put(s_lane.Key, "2", version, "$lanes"));
        var said = Assert.Single(logs.Collector.GetSnapshot(), record => record.Id.Id == 207);
        Assert.StartsWith($"Redis at {server.ConnectionString} does not let this user publish (", said.Message, StringComparison.Ordinal);
        Assert.Contains("Grant it: ACL SETUSER <user> +publish &{brook}:*.", said.Message, StringComparison.Ordinal);
        var error = await FailsAsync(async () => await store.WatchAsync(s_lane, () => { }, Token), transient: false);
        Assert.StartsWith($"Redis at {server.ConnectionString} does not allow this user what Brook needs (NOPERM ", error.Message, StringComparison.Ordinal);

        await server.CommandAsync("ACL", "SETUSER", "app", "+publish", "+subscribe", "+unsubscribe", "&{brook}:*");
        await store.StartAsync(Token);
        var told = new SemaphoreSlim(0);
        await using var watch = await EventuallyAsync(async () => await store.WatchAsync(s_lane, () => told.Release(), Token));
        await store.CommitAsync(Put(s_lane.Key, "3", collection: "$lanes"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    [Fact]
    public async Task A_prefix_for_channels_is_left_out_of_our_own_connection_and_in_the_applications_nothing_is_told()
    {
        var text = $"{redis.Server.ConnectionString},channelPrefix=app:";
        var options = new RedisStoreOptions { Namespace = SharedRedis.NewNamespace() };
        await using var own = await new RedisViewStore(text, options).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await own.WatchAsync(s_lane, () => told.Release(), Token);
        await own.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));

        await using var connection = await ConnectionMultiplexer.ConnectAsync(text);
        await using var shared = await new RedisViewStore(connection, options).StartedAsync();
        Assert.Null(await shared.WatchAsync(s_lane, () => { }, Token));
    }

    private static async Task<RedisServer> StartAsync(RedisServerOptions? options = null)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return await RedisServer.StartAsync(options, Token);
    }
}
