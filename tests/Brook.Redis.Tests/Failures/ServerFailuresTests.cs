using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Failures;

/// <summary>What a user sees when the server refuses: the text says what happened and what to do, nothing is half written, and what can go on goes on.</summary>
public sealed class ServerFailuresTests(SharedRedis redis)
{
    [Theory]
    [InlineData("s:things")]
    [InlineData("i:things")]
    [InlineData("x:things")]
    [InlineData("l:things:b")]
    public async Task A_key_of_another_type_in_the_namespace_is_named_and_nothing_is_written(string key)
    {
        var space = SharedRedis.NewNamespace();
        await using var store = await redis.Open(space: space).StartedAsync();
        await redis.Server.CommandAsync("SET", $"{{{space}}}:{key}", "foreign");

        var error = await FailsAsync(() => store.CommitAsync(CommitOf(Put("a", "1", collection: "others"), Put("a", "1"), Put("b", "2")).Log(1, "t", "1").Log(2, "t", "2")), transient: false);

        Assert.StartsWith($"Redis at {redis.Server.ConnectionString} holds something else than Brook's at {{{space}}}:{key} (WRONGTYPE ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Another program uses the namespace: rename or remove that key, or give this view another Namespace. Nothing was written.", error.Message, StringComparison.Ordinal);
        Assert.Equal("foreign", await redis.Server.CommandAsync("GET", $"{{{space}}}:{key}"));
        await redis.Server.CommandAsync("DEL", $"{{{space}}}:{key}");
        Assert.Null(await store.ReadAsync("a", "others"));
        Assert.Null(await store.ReadAsync("a"));
        Assert.Equal(0L, await redis.Server.CommandAsync("EXISTS", $"{{{space}}}:l:things:a", $"{{{space}}}:l:things:b", $"{{{space}}}:i:things"));
        await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "2")).Log(0, "t", "1").Log(1, "t", "2"));
        Assert.Equal(["2"], await store.LogAsync("b"));
    }

    [Fact]
    public async Task A_key_of_another_type_where_collections_that_expire_are_kept_is_named_and_nothing_is_written()
    {
        var space = SharedRedis.NewNamespace();
        await using var store = await redis.Open(space: space).StartedAsync();
        await redis.Server.CommandAsync("SET", $"{{{space}}}:expiring", "foreign");

        var error = await FailsAsync(() => store.CommitAsync(CommitOf(Put("a", "1", collection: "others"), Put("b", "2") with { ExpiresAt = DateTimeOffset.UtcNow.AddDays(1) }).Log(0, "t", "1")), transient: false);

        Assert.Contains($"{{{space}}}:expiring (WRONGTYPE ", error.Message, StringComparison.Ordinal);
        Assert.Null(await store.ReadAsync("a", "others"));
        Assert.Null(await store.ReadAsync("b"));
        Assert.Equal(0L, await redis.Server.CommandAsync("EXISTS", $"{{{space}}}:l:others:a"));
    }

    [Fact]
    public async Task A_value_of_another_program_is_named_and_others_are_read_as_before()
    {
        var space = SharedRedis.NewNamespace();
        await using var store = await redis.Open(space: space).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        await redis.Server.CommandAsync("HSET", $"{{{space}}}:s:things", "b", "foreign value");
        var error = await FailsAsync(() => store.ReadAsync("b"), transient: false);
        Assert.StartsWith("What Redis holds for things/b was not written by this version of Brook (format 118)", error.Message, StringComparison.Ordinal);
        Assert.Equal("1", await store.ReadAsync("a"));
        await store.CommitAsync(Put("b", "2"));
        Assert.Equal("2", await store.ReadAsync("b"));
    }

    [Theory]
    [InlineData("hset")]
    [InlineData("zadd")]
    [InlineData("rpush")]
    [InlineData("ltrim")]
    [InlineData("hdel")]
    [InlineData("unlink")]
    [InlineData("sadd")]
    public async Task A_right_taken_away_while_it_runs_refuses_the_commit_whole_and_it_goes_on_when_it_is_back(string right)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        await using var server = await RedisServer.StartAsync(new() { UserAcl = ["app on >secret ~* +@all"] }, Token);
        await using var store = await new RedisViewStore($"{server.ConnectionString},user=app,password=secret").StartedAsync();
        await store.CommitAsync(CommitOf(Put("lane", "0", collection: "$lanes"), Put("a", "0"), Put("gone", "0")).Log(1, "t", "0", 1));
        await server.CommandAsync("ACL", "SETUSER", "app", $"-{right}");
        var commit = CommitOf(Put("lane", "1", collection: "$lanes"), Put("a", "1"), Put("b", "1") with { ExpiresAt = DateTimeOffset.MaxValue.AddDays(-1) }, Delete("gone")).Log(1, "t", "1", 1);

        var error = await FailsAsync(() => store.CommitAsync(commit), transient: false);

        Assert.StartsWith($"Redis at {server.ConnectionString} does not allow this user what Brook needs (NOPERM this user has no permissions to run the '{right}' command on {{brook}}:", error.Message, StringComparison.Ordinal);
        Assert.Equal(("0", "0", null, "0"), (await store.ReadAsync("lane", "$lanes"), await store.ReadAsync("a"), await store.ReadAsync("b"), await store.ReadAsync("gone")));
        Assert.Equal(["0"], await store.LogAsync("a"));
        await server.CommandAsync("ACL", "SETUSER", "app", $"+{right}");
        await store.CommitAsync(commit);
        Assert.Equal(("1", "1", "1", null), (await store.ReadAsync("lane", "$lanes"), await store.ReadAsync("a"), await store.ReadAsync("b"), await store.ReadAsync("gone")));
        Assert.Equal(["1"], await store.LogAsync("a"));
        Assert.Equal(1L, await server.CommandAsync("SCARD", "{brook}:expiring"));
    }

    [Theory]
    [InlineData("zadd")]
    [InlineData("zrem")]
    [InlineData("unlink")]
    public async Task Where_rights_cannot_be_asked_a_broken_commit_takes_its_appends_back_and_never_has_its_first_entry(string right)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        await using var server = await RedisServer.StartAsync(new() { UserAcl = ["app on >secret ~* +@all"] }, Token);
        await using var store = await new RedisViewStore($"{server.ConnectionString},user=app,password=secret") { CommitScript = Script.Commit.Without("redis.acl_check_cmd") }.StartedAsync();
        await store.CommitAsync(CommitOf(Put("lane", "0", collection: "$lanes"), Put("a", "0"), Put("gone", "0")).Log(1, "t", "0").Log(2, "t", "0"));
        await server.CommandAsync("ACL", "SETUSER", "app", $"-{right}");

        await FailsAsync(() => store.CommitAsync(CommitOf(Put("lane", "1", collection: "$lanes"), Put("a", "1"), Put("b", "1"), Delete("gone")).Log(1, "t", "1")), transient: false);

        Assert.Equal("0", await store.ReadAsync("lane", "$lanes"));
        Assert.Equal(["0"], await store.LogAsync("a"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("foreign")]
    [InlineData("\u00ff\u00ffforeign")]
    public async Task A_foreign_element_in_a_log_does_not_break_a_commit_and_is_named_by_reads(string element)
    {
        var space = SharedRedis.NewNamespace();
        await using var store = await redis.Open(space: space).StartedAsync();
        await redis.Server.CommandAsync("RPUSH", $"{{{space}}}:l:things:a", "first", element);
        for (var i = 0; i < 5; i++) await store.CommitAsync(CommitOf(Put("lane", $"{i}", collection: "$lanes"), Put("a", $"{i}"), Put("later", $"{i}", collection: "zzz")).Log(1, "t", $"{i}", 1));
        Assert.Equal(("4", "4", "4"), (await store.ReadAsync("lane", "$lanes"), await store.ReadAsync("a"), await store.ReadAsync("later", "zzz")));
        var error = await FailsAsync(() => store.LogAsync("a"), transient: false);
        Assert.StartsWith("What Redis holds for things/a was not written by this version of Brook (an element of its log with ", error.Message, StringComparison.Ordinal);
        await store.CommitAsync(CommitOf(Put("a", "5") with { DropLog = true }).Log(0, "t", "5", 1));
        Assert.Equal(["5"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task Without_memory_everything_can_be_read()
    {
        await using var server = await StartAsync();
        await using var store = await OpenAsync(server);
        await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "2", collection: "others")).Log(0, "t", "1"));
        await server.CommandAsync("CONFIG", "SET", "maxmemory", "1");
        Assert.Equal(2, (await store.ReadAsync(new EntryKey[] { new("things", "a"), new("others", "b") }, Token)).Count(entry => !entry.IsMissing));
        Assert.Single((await store.ReadPageAsync("things", "", null, 10, Token)).Entries);
        Assert.Equal(["1"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task Without_memory_a_commit_is_refused_whole_and_goes_on_when_there_is_some()
    {
        await using var server = await StartAsync();
        await using var store = await OpenAsync(server);
        await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "t", "1"));
        await server.CommandAsync("CONFIG", "SET", "maxmemory", "1");

        var error = await FailsAsync(() => store.CommitAsync(CommitOf(Put("a", "2"), Delete("b")).Log(0, "t", "2")), transient: true);

        Assert.StartsWith($"Redis at {server.ConnectionString} has no memory left (maxmemory) and refused the call (OOM ", error.Message, StringComparison.Ordinal);
        Assert.Equal("1", await store.ReadAsync("a"));
        Assert.Equal(["1"], await store.LogAsync("a"));
        Assert.Equal(1, await store.CountAsync("things", Token));
        await server.CommandAsync("CONFIG", "SET", "maxmemory", "0");
        await store.CommitAsync(CommitOf(Put("a", "2")).Log(0, "t", "2"));
        Assert.Equal(["1", "2"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task Flushed_scripts_are_sent_again_and_nobody_notices()
    {
        await using var server = await StartAsync();
        await using var store = await OpenAsync(server);
        await store.CommitAsync(Put("a", "1"));
        await server.CommandAsync("SCRIPT", "FLUSH");
        await store.CommitAsync(Put("a", "2"));
        Assert.Equal("2", await store.ReadAsync("a"));
    }

    [Fact]
    public async Task A_replica_says_that_it_takes_no_writes()
    {
        await using var primary = await StartAsync();
        await using var replica = await RedisServer.StartAsync(new() { ReplicaOf = (primary.Host, primary.Port) }, Token);
        await replica.InSyncAsync(Token);
        await using var store = new RedisViewStore(replica.ConnectionString);
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: true);
        Assert.StartsWith($"Redis at {replica.ConnectionString} is a replica and takes no writes (READONLY ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_loading_is_waited_for()
    {
        await using var server = await RedisServer.StartAsync(new() { ExtraArguments = ["--loading-process-events-interval-bytes", "1024"] }, Token);
        await using var store = await OpenAsync(server);
        await store.CommitAsync([.. Enumerable.Range(0, 2000).Select(i => Put($"{i}", "1", collection: $"c{i}"))]);
        await server.CommandAsync("CONFIG", "SET", "key-load-delay", "1000");
        var reloading = server.CommandAsync("DEBUG", "RELOAD");
        BrookException? error = null;
        await UntilAsync(async () =>
        {
            try { await store.CommitAsync(Put("a", "1")); }
            catch (BrookException e) { error = e; }
            return error is not null || reloading.IsCompleted;
        }, "an answer while it loads");
        Assert.Equal(($"Redis at {server.ConnectionString} is loading its data. Brook goes on when it has.", true), (error?.Message, error?.IsTransient));
        await reloading;
        await EventuallyAsync(() => store.CommitAsync(Put("a", "2")));
        Assert.Equal("2", await store.ReadAsync("a"));
    }

    [Fact]
    public async Task A_busy_server_is_waited_for()
    {
        await using var server = await RedisServer.StartAsync(new() { ExtraArguments = ["--busy-reply-threshold", "50"] }, Token);
        await using var store = await OpenAsync(server);
        var busy = server.CommandAsync("EVAL", "while true do end", "0");
        BrookException? error = null;
        await UntilAsync(async () =>
        {
            try { await store.CommitAsync(Put("a", "1")); }
            catch (BrookException e) { error = e; }
            return error is not null;
        }, "BUSY");
        Assert.True(error!.IsTransient);
        Assert.StartsWith($"Redis at {server.ConnectionString} is busy with a script that takes too long (BUSY ", error.Message, StringComparison.Ordinal);
        await server.CommandAsync("SCRIPT", "KILL");
        await Assert.ThrowsAnyAsync<Exception>(() => busy);
        await store.CommitAsync(Put("a", "1"));
    }

    [Fact]
    public async Task A_server_that_cannot_save_takes_no_writes_and_says_so()
    {
        await using var server = await RedisServer.StartAsync(new() { ExtraArguments = ["--save", "3600 1", "--enable-protected-configs", "yes"] }, Token);
        await using var store = await OpenAsync(server);
        await server.CommandAsync("CONFIG", "SET", "dir", "/proc");                        // nothing can be written there
        await Assert.ThrowsAnyAsync<Exception>(() => server.CommandAsync("SAVE"));
        await server.CommandAsync("BGSAVE");
        await UntilAsync(async () => (await server.InfoAsync("persistence"))["rdb_last_bgsave_status"] == "err", "the failed save");
        var error = await FailsAsync(() => store.CommitAsync(Put("a", "1")), transient: true);
        Assert.StartsWith($"Redis at {server.ConnectionString} cannot write to its disk and takes no writes (MISCONF ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CLUSTERDOWN Hash slot not served", true, "Redis at host:1 is changing (CLUSTERDOWN Hash slot not served). Brook goes on when that is over.")]
    [InlineData("MASTERDOWN Link with MASTER is down", true, "Redis at host:1 is changing (MASTERDOWN Link with MASTER is down). Brook goes on when that is over.")]
    [InlineData("NOREPLICAS Not enough good replicas to write.", true, "Redis at host:1 has too few replicas to take writes (NOREPLICAS Not enough good replicas to write.).")]
    [InlineData("NOAUTH Authentication required.", false, "Redis at host:1 does not accept the user or the password (NOAUTH Authentication required.). Check both in the connection's configuration.")]
    [InlineData("CROSSSLOT Keys in request don't hash to the same slot", false, "Redis at host:1 is a cluster and keeps the keys of this view apart (CROSSSLOT Keys in request don't hash to the same slot). Use a namespace that is one hash tag: {name}.")]
    [InlineData("ERR unknown command 'EVALSHA'", false, "Redis at host:1 refused a command: ERR unknown command 'EVALSHA'")]
    [InlineData("ERR Lua encountered an error: OOM command not allowed", true, "Redis at host:1 has no memory left (maxmemory) and refused the call (OOM command not allowed). Nothing was written. Give it more memory, or remove data; Brook goes on by itself.")]
    public void What_a_server_says_gets_a_text_that_says_what_to_do(string reply, bool transient, string expected)
    {
        var error = RedisFailure.OfServer(reply, "host:1");
        Assert.Equal((expected, transient), (error.Message, error.IsTransient));
    }

    private static async Task<RedisServer> StartAsync()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        return await RedisServer.StartAsync(cancellationToken: Token);
    }

    private static Task<RedisViewStore> OpenAsync(RedisServer server) => new RedisViewStore(server.ConnectionString).StartedAsync();
}
