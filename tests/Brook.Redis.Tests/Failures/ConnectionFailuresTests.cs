using Brook.Redis.Tests.Support;
using Brook.Storage;
using Brook.Tests.Shared;
using Brook.TestServers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Failures;

/// <summary>A connection that is lost, cut or stalls: the failure says so and may pass, and the store goes on by itself when the server is back.</summary>
public sealed class ConnectionFailuresTests
{
    [Fact]
    public async Task A_server_that_is_not_there_is_named_and_waited_for()
    {
        await using var server = await StartAsync();
        await server.KillAsync();
        await using var store = new RedisViewStore(server.ConnectionString);
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: true);
        Assert.StartsWith($"Redis at {server.ConnectionString} cannot be reached (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Is it running, and is the address right? It is tried again.", error.Message, StringComparison.Ordinal);

        await server.RestartAsync(Token);
        await EventuallyAsync(async () => { await store.StartAsync(Token); return true; });
        await store.CommitAsync(Put("a", "1"));
    }

    [Fact]
    public async Task A_web_server_at_the_address_is_no_redis_and_is_said()
    {
        using var http = new HttpPort();
        await using var store = new RedisViewStore($"127.0.0.1:{http.Port},connectTimeout=1000");
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: true);
        Assert.StartsWith($"Redis at 127.0.0.1:{http.Port} cannot be reached (", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_is_cut_is_made_again()
    {
        await using var server = await StartAsync();
        await using var proxy = TcpProxy.Start(server.Host, server.Port);
        var logs = new FakeLogger();
        await using var store = await new RedisViewStore(proxy.ConnectionString, logger: logs).StartedAsync();
        for (var i = 0; i < 5; i++)
        {
            proxy.CutAll();
            await EventuallyAsync(() => store.CommitAsync(Put("a", $"{i}")));
        }
        Assert.Equal("4", await store.ReadAsync("a"));
        Assert.DoesNotContain(logs.Collector.GetSnapshot(), record => record.Id.Name == "RedisRestarted");
    }

    [Fact]
    public async Task A_lost_answer_fails_in_a_way_that_may_pass_and_the_commit_has_landed_whole()
    {
        await using var server = await StartAsync();
        await using var proxy = TcpProxy.Start(server.Host, server.Port);
        await using var store = await new RedisViewStore(proxy.ConnectionString).StartedAsync();
        await store.CommitAsync(Put("before", "1"));
        var lost = proxy.LoseNextReplyAsync("EVALSHA");
        var commit = CommitOf(Put("a", "1"), Put("b", "1")).Log(0, "t", "1");

        var error = await FailsAsync(async () => await store.CommitAsync(commit, Token), transient: true);
        await lost;

        Assert.StartsWith($"The connection to Redis at {proxy.ConnectionString} was lost (", error.Message, StringComparison.Ordinal);
        var found = await EventuallyAsync(async () => await store.ReadAsync(new EntryKey[] { new("things", "a"), new("things", "b") }, Token));
        Assert.All(found, entry => Assert.Equal(commit.Version, entry.Version));
        Assert.Equal(["1"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_is_said_and_goes_on()
    {
        await using var server = await StartAsync();
        await using var store = await new RedisViewStore($"{server.ConnectionString},syncTimeout=300,asyncTimeout=300").StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        await server.PauseAsync();
        var error = await FailsAsync(() => store.CommitAsync(Put("a", "2")), transient: true);
        Assert.StartsWith($"Redis at {server.ConnectionString} did not answer in time.", error.Message, StringComparison.Ordinal);
        await server.ResumeAsync();
        await EventuallyAsync(() => store.CommitAsync(Put("a", "3")));
        Assert.Equal("3", await store.ReadAsync("a"));
    }

    [Fact]
    public async Task A_server_killed_and_started_again_with_its_file_has_every_commit()
    {
        Skip();
        await using var server = await RedisServer.StartAsync(new() { AppendOnly = AppendOnly.Always }, Token);
        var logs = new FakeLogger();
        await using var store = await new RedisViewStore(server.ConnectionString, logger: logs).StartedAsync();
        var version = await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "t", "1"));
        await server.KillAsync();
        await FailsAsync(() => store.CommitAsync(Put("a", "2")), transient: true);
        await server.RestartAsync(Token);
        await EventuallyAsync(() => store.CommitAsync(CommitOf(Put("a", "2", version)).Log(0, "t", "2")));
        Assert.Equal(["1", "2"], await store.LogAsync("a"));
        await UntilAsync(() => Task.FromResult(logs.Collector.GetSnapshot().Any(record => record is { Id.Name: "RedisRestarted", Level: LogLevel.Warning })), "the advice");
    }

    [Fact]
    public async Task A_server_that_comes_back_empty_takes_no_commit_until_somebody_acts()
    {
        await using var server = await StartAsync();
        await using var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        await server.KillAsync();
        await server.RestartAsync(Token);

        var error = await FailsAsync(() => EventuallyAsync(() => store.CommitAsync(Put("b", "1"))), transient: false);

        Assert.Equal($"The data of the view {{brook}}:* is not what this application started with: Redis at {server.ConnectionString} has none. It was restarted without persistence, flushed, or replaced. " +
            "Nothing was written. Restore the data, and Brook goes on by itself; or restart the application, and it begins with what is there now.", error.Message);
        Assert.Equal(error.Message, (await FailsAsync(() => store.ReadAsync("a"), transient: false)).Message);       // a view without its data is not shown as an empty one
        Assert.Equal(error.Message, (await FailsAsync(async () => await store.CountAsync("things", Token), transient: false)).Message);
        Assert.Equal(error.Message, (await FailsAsync(() => store.LogAsync("a"), transient: false)).Message);
        await using var restarted = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await restarted.CommitAsync(Put("b", "2"));
        var other = await FailsAsync(() => store.CommitAsync(Put("c", "1")), transient: false);
        Assert.Contains("has other data", other.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_notice_it_as_well_when_nothing_is_committed_and_go_on_when_the_data_is_back()
    {
        await using var server = await StartAsync();
        await using var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        var id = (string)(await server.CommandAsync("GET", "{brook}:id"))!;
        await server.KillAsync();
        await server.RestartAsync(Token);
        BrookException? error = null;
        await UntilAsync(async () =>
        {
            try { await store.ReadAsync("a"); }
            catch (BrookException e) { error = e; }
            return error is { IsTransient: false };
        }, "the read that notices");
        Assert.StartsWith("The data of the view {brook}:* is not what this application started with", error!.Message, StringComparison.Ordinal);
        await server.CommandAsync("SET", "{brook}:id", id);
        Assert.Null(await store.ReadAsync("a"));
    }

    [Fact]
    public async Task A_start_that_was_given_up_leaves_no_connection_behind()
    {
        await using var server = await StartAsync();
        await using var proxy = TcpProxy.Start(server.Host, server.Port);
        proxy.Stall = true;
        for (var i = 0; i < 3; i++)
        {
            await using var store = new RedisViewStore($"{proxy.ConnectionString},name=given-up,connectTimeout=1000,connectRetry=1");
            using var stop = new CancellationTokenSource();
            var starting = store.StartAsync(stop.Token).AsTask();
            await UntilAsync(() => Task.FromResult(proxy.Accepted > i), "the connection");
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        }
        proxy.Stall = false;
        await UntilAsync(async () => !((string)(await server.CommandAsync("CLIENT", "LIST"))!).Contains("given-up", StringComparison.Ordinal) && proxy.Connections == 0, "the connections to go");
    }

    [Fact]
    public async Task It_can_be_disposed_of_twice()
    {
        await using var server = await StartAsync();
        var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await store.DisposeAsync();
        await store.DisposeAsync();
    }

    [Fact]
    public async Task After_a_failover_the_new_primary_takes_the_commits()
    {
        await using var primary = await StartAsync();
        await using var replica = await RedisServer.StartAsync(new() { ReplicaOf = (primary.Host, primary.Port) }, Token);
        await replica.InSyncAsync(Token);
        await using var store = await new RedisViewStore($"{primary.ConnectionString},{replica.ConnectionString}").StartedAsync();
        var version = await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "t", "1"));
        await primary.CommandAsync("WAIT", "1", "5000");
        await primary.KillAsync();
        await replica.CommandAsync("REPLICAOF", "NO", "ONE");

        await EventuallyAsync(() => store.CommitAsync(CommitOf(Put("a", "2", version)).Log(0, "t", "2")));

        Assert.Equal(["1", "2"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task Kicked_clients_come_back()
    {
        await using var server = await StartAsync();
        await using var store = await new RedisViewStore(server.ConnectionString).StartedAsync();
        await server.CommandAsync("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        await EventuallyAsync(() => store.CommitAsync(Put("a", "1")));
        Assert.Equal("1", await store.ReadAsync("a"));
    }

    private static void Skip() => Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");

    private static async Task<RedisServer> StartAsync()
    {
        Skip();
        return await RedisServer.StartAsync(cancellationToken: Token);
    }
}
