using Brook.Redis.Tests.Support;
using Brook.Tests.Docs;
using Brook.TestServers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using StackExchange.Redis;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Starting;

/// <summary>What is wrong with the server or the user is said at start, not at three in the night.</summary>
public sealed class StartCheckTests
{
    /// <summary>As docs/redis.md has it.</summary>
    private const string Rights = "~{brook}:* resetchannels &{brook}:* -@all +echo +ping +info +evalsha +eval +get +setnx +exists +hset +hmget +hget +hlen +hdel +rpush +lpush +lindex +lrange +ltrim +rpop +zadd +zcard +zscore +zcount +zrangebyscore +zrangebylex +zrem +sadd +smembers +del +unlink +publish +subscribe +unsubscribe";

    [Fact]
    public async Task A_user_with_exactly_the_documented_rights_can_do_everything()
    {
        Assert.Contains(Rights, Repository.Read("docs/redis.md"), StringComparison.Ordinal);
        await using var server = await StartAsync(new() { UserAcl = [$"app on >secret {Rights}"] });
        await using var store = await new RedisViewStore($"{server.ConnectionString},user=app,password=secret").StartedAsync();
        await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "1") with { ExpiresAt = DateTimeOffset.MaxValue.AddDays(-1) }, Delete("c")).Log(0, "t", "1", 1).Log(0, "t", "2", 1));
        await store.CommitAsync(CommitOf(Put("a", "2")).Log(0, "t", "3", 1));
        Assert.Equal(("2", 2L), (await store.ReadAsync("a"), await store.CountAsync("things", Token)));
        Assert.Equal(2, (await store.ReadPageAsync("things", "", null, 10, Token)).Entries.Count);
        Assert.Equal(["3"], await store.LogAsync("a"));
        var told = new SemaphoreSlim(0);
        await using var watch = await store.WatchAsync(new("$lanes", "orders/0"), () => told.Release(), Token);
        await store.CommitAsync(Put("orders/0", "1", collection: "$lanes"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    [Fact]
    public async Task A_user_who_may_not_run_a_command_is_told_which_and_how_to_grant_it()
    {
        await using var server = await StartAsync(new() { UserAcl = [$"app on >secret {Rights} -rpush -zadd"] });
        await using var store = new RedisViewStore($"{server.ConnectionString},user=app,password=secret");
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.StartsWith($"Redis at {server.ConnectionString} does not allow this user RPUSH, ZADD on {{brook}}:* (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Grant it: ACL SETUSER <user> ~{brook}:* +rpush +zadd", error.Message, StringComparison.Ordinal);
        await server.CommandAsync("ACL", "SETUSER", "app", "+rpush", "+zadd");
        await store.StartAsync(Token);
    }

    [Theory]
    [InlineData("-evalsha")]
    [InlineData("resetkeys ~other:*")]
    public async Task A_user_who_may_not_run_scripts_or_use_the_keys_is_told(string missing)
    {
        await using var server = await StartAsync(new() { UserAcl = [$"app on >secret {Rights} {missing}"] });
        await using var store = new RedisViewStore($"{server.ConnectionString},user=app,password=secret");
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.StartsWith($"Redis at {server.ConnectionString} does not allow this user what Brook needs (NOPERM ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("docs/redis.md has the ACL line.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("user=app,password=hunter2")]
    [InlineData("user=nobody,password=secret")]
    public async Task A_wrong_user_or_password_is_said_also_where_the_default_user_needs_none_and_no_password_is_shown(string credentials)
    {
        await using var server = await StartAsync(new() { UserAcl = [$"app on >secret {Rights}"] });
        await using var store = new RedisViewStore($"{server.ConnectionString},{credentials}");
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.Contains("did not accept the user '", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",password=wrong")]
    public async Task A_server_with_a_password_refuses_without_it(string credentials)
    {
        await using var server = await StartAsync(new() { RequirePass = "secret" });
        await using var store = new RedisViewStore($"{server.ConnectionString}{credentials}");
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.StartsWith($"Redis at {server.ConnectionString} did not let us in", error.Message, StringComparison.Ordinal);
        await using var right = await new RedisViewStore($"{server.ConnectionString},password=secret").StartedAsync();
        await right.CommitAsync(Put("a", "1"));
    }

    [Fact]
    public async Task TLS_works_with_a_certificate_of_ones_own_authority_and_a_foreign_one_is_refused()
    {
        await using var server = await StartAsync(new() { Tls = true });
        var options = ConfigurationOptions.Parse($"{server.Host}:{server.TlsPort},ssl=true,sslHost=localhost");
        options.TrustIssuer(server.CaCertificate!);
        await using var store = await new RedisViewStore(options).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        Assert.Equal("1", await store.ReadAsync("a"));

        await using var trusting = new RedisViewStore($"{server.Host}:{server.TlsPort},ssl=true,sslHost=localhost,connectTimeout=1000,connectRetry=1");
        var error = await Assert.ThrowsAsync<BrookException>(async () => await trusting.StartAsync(Token));
        Assert.Contains("certificate", error.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_database_is_the_connections_or_the_options()
    {
        await using var server = await StartAsync();
        await using var five = await new RedisViewStore($"{server.ConnectionString},defaultDatabase=5").StartedAsync();
        await using var six = await new RedisViewStore($"{server.ConnectionString},defaultDatabase=5", new RedisStoreOptions { Database = 6 }).StartedAsync();
        await five.CommitAsync(Put("a", "5"));
        await six.CommitAsync(Put("a", "6"));
        Assert.Equal(("5", "6"), (await five.ReadAsync("a"), await six.ReadAsync("a")));
        var keyspace = await server.InfoAsync("keyspace");
        Assert.Equal(["db5", "db6"], keyspace.Keys.Where(key => key.StartsWith("db", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task A_cluster_keeps_a_view_together()
    {
        await using var server = await StartAsync(new() { ClusterEnabled = true });
        await using var store = await new RedisViewStore(server.ConnectionString, new RedisStoreOptions { Namespace = "shop" }).StartedAsync();
        await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "1", collection: "others"), Put("c", "1") with { ExpiresAt = DateTimeOffset.MaxValue.AddDays(-1) }).Log(0, "t", "1"));
        var found = await store.ReadAsync(new Brook.Storage.EntryKey[] { new("things", "a"), new("others", "b") }, Token);
        Assert.All(found, entry => Assert.False(entry.IsMissing));
    }

    [Theory]
    [InlineData("allkeys-lru", true)]
    [InlineData("volatile-lru", false)]
    [InlineData("noeviction", false)]
    public async Task A_server_that_may_evict_the_view_is_warned_of(string policy, bool warned)
    {
        await using var server = await StartAsync(new() { MaxMemoryPolicy = policy, AppendOnly = AppendOnly.EverySecond });
        var logs = new FakeLogger();
        await using var store = await new RedisViewStore(server.ConnectionString, logger: logs).StartedAsync();
        Assert.Equal(warned ? [(201, LogLevel.Information), (202, LogLevel.Warning)] : [(201, LogLevel.Information)], logs.Collector.GetSnapshot().Select(record => (record.Id.Id, record.Level)).Order());
    }

    [Fact]
    public async Task A_server_that_saves_nothing_is_warned_of()
    {
        await using var server = await StartAsync();
        var logs = new FakeLogger();
        await using var store = await new RedisViewStore(server.ConnectionString, logger: logs).StartedAsync();
        Assert.Contains(logs.Collector.GetSnapshot(), record => record is { Id.Id: 203, Level: LogLevel.Warning });
    }

    private static async Task<RedisServer> StartAsync(RedisServerOptions? options = null)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return await RedisServer.StartAsync(options, Token);
    }
}
