using System.Globalization;
using Brook.Postgres.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using Microsoft.Extensions.Logging.Testing;
using Npgsql;
using static Brook.Tests.Shared.Entries;

namespace Brook.Postgres.Tests.Signalling;

/// <summary>Who watches a lane's entry is told of commits of another process, also after the connection was lost; while nobody watches nobody is notified.</summary>
public sealed class SignalTests(SharedPostgres postgres)
{
    private static readonly EntryKey s_lane = new("$lanes", "orders/3");
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_commit_notifies_only_while_somebody_watches_its_lane()
    {
        var schema = SharedPostgres.NewSchema();
        await using var store = await postgres.OpenShared(schema: schema).StartedAsync();
        await using var other = await postgres.OpenShared(schema: schema).StartedAsync();
        await using var listener = await postgres.Source.OpenConnectionAsync(Token);
        var payloads = new List<string>();
        listener.Notification += (_, told) => payloads.Add(told.Payload);
        await new NpgsqlCommand(SignalSql.Listen(schema), listener).ExecuteNonQueryAsync(Token);
        async Task CommitAsync(string lane) => await store.CommitAsync(Put(lane, "1", collection: "$lanes"), Put("a", "1"));

        await CommitAsync(s_lane.Key);
        var told = new SemaphoreSlim(0);
        await using (await other.WatchAsync(s_lane, () => told.Release(), Token))
        {
            await CommitAsync("orders/4");
            await store.CommitAsync(CommitOf(new CommitEntry(new("$lanes", "missing"), EntryAction.Check, 0), Put("a", "2")));
            await CommitAsync(s_lane.Key);
            Assert.True(await told.WaitAsync(s_patience, Token));
        }
        await UntilAsync(async () => await LocksAsync(schema) == 0, "the lock to be given back");
        await CommitAsync(s_lane.Key);
        await new NpgsqlCommand("SELECT 1", listener).ExecuteNonQueryAsync(Token);      // what was notified is here now

        Assert.Equal([s_lane.Key], payloads);
    }

    [Fact]
    public async Task Names_of_lanes_may_have_any_characters()
    {
        await using var store = await postgres.OpenShared().StartedAsync();
        var lane = new EntryKey("$lanes", "o'r\0de\u0001rs é😀/" + new string('x', 900));
        var told = new SemaphoreSlim(0);
        await using var watch = await store.WatchAsync(lane, () => told.Release(), Token);
        await store.CommitAsync(Put(lane.Key, "1", collection: "$lanes"));
        Assert.True(await told.WaitAsync(s_patience, Token));
    }

    [Fact]
    public async Task A_connection_that_was_lost_may_have_missed_something_and_goes_on()
    {
        await using var server = await StartAsync();
        var logs = new FakeLogger();
        await using var store = await new PostgresViewStore(server.ConnectionString).StartedAsync();
        await using var other = await new PostgresViewStore($"{server.ConnectionString};Application Name=other", logger: logs).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await other.WatchAsync(s_lane, () => told.Release(), Token);
        for (var i = 0; i < 2; i++)
        {
            while (told.Wait(0, Token)) { }
            await server.QueryAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'other'");
            Assert.True(await told.WaitAsync(s_patience, Token), "nothing was told after the connection came back");
            while (told.Wait(0, Token)) { }
            await EventuallyAsync(() => store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes")));
            Assert.True(await told.WaitAsync(s_patience, Token));
        }
        Assert.Contains(logs.Collector.GetSnapshot(), record => record.Id.Id == 605);
        await server.KillAsync();
        await FailsAsync(async () => await other.WatchAsync(new("$lanes", "orders/4"), () => { }, Token), transient: true);
        await server.RestartAsync(Token);
        while (told.Wait(0, Token)) { }
        await EventuallyAsync(() => store.CommitAsync(Put(s_lane.Key, "2", collection: "$lanes")));
        Assert.True(await told.WaitAsync(s_patience, Token));
    }

    [Fact]
    public async Task Its_connection_goes_back_to_the_pool_as_it_came()
    {
        await using var source = NpgsqlDataSource.Create($"{postgres.Server.ConnectionString};Maximum Pool Size=3;No Reset On Close=true");
        var (schema, logs) = (SharedPostgres.NewSchema(), new FakeLogger());
        await using (var store = await new PostgresViewStore(source, new() { Schema = schema }, logger: logs).StartedAsync())
        {
            await using (await store.WatchAsync(s_lane, () => { }, Token)) Assert.Equal(1, await LocksAsync(schema));
            await UntilAsync(async () => await LocksAsync(schema) == 0, "the lock to be given back");
            await using (await store.WatchAsync(s_lane, () => { }, Token)) Assert.Equal(1, await LocksAsync(schema));
            await store.WatchAsync(s_lane, () => { }, Token);
            await store.WatchAsync(new("$lanes", "orders/4"), () => { }, Token);
        }
        Assert.Equal(0, await LocksAsync(schema));
        Assert.DoesNotContain(logs.Collector.GetSnapshot(), record => record.Id.Id == 605);     // taking another lane in while it listens does not cost the connection
        var connections = new[] { await source.OpenConnectionAsync(Token), await source.OpenConnectionAsync(Token), await source.OpenConnectionAsync(Token) };
        foreach (var connection in connections)
        {
            Assert.Equal(0L, await new NpgsqlCommand("SELECT count(*) FROM pg_listening_channels()", connection).ExecuteScalarAsync(Token));
            await connection.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_pool_that_is_too_small_to_keep_a_connection_for_it_does_not_listen()
    {
        await using var store = await new PostgresViewStore($"{postgres.Server.ConnectionString};Maximum Pool Size=2", new() { Schema = SharedPostgres.NewSchema() }).StartedAsync();
        Assert.Null(await store.WatchAsync(s_lane, () => { }, Token));
    }

    [Fact]
    public async Task A_schema_of_the_first_version_tells_when_it_was_brought_up_to_date()
    {
        var schema = SharedPostgres.NewSchema();
        var second = PostgresSchema.Script(schema);
        var from = second.IndexOf("  -- Who waits for a lane", StringComparison.Ordinal);
        var first = second.Remove(from, second.IndexOf("END $function$;", from, StringComparison.Ordinal) - from);
        await postgres.Server.QueryAsync($"{first}; UPDATE \"{schema}\".brook_schema SET version = 1");
        await using var store = await postgres.OpenShared(schema: schema).StartedAsync();
        var told = new SemaphoreSlim(0);
        await using var watch = await store.WatchAsync(s_lane, () => told.Release(), Token);
        await store.CommitAsync(Put(s_lane.Key, "1", collection: "$lanes"));
        Assert.True(await told.WaitAsync(s_patience, Token));
    }

    private async Task<long> LocksAsync(string schema) => long.Parse(await postgres.Server.QueryAsync(
        $"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = hashtextextended('{SignalSql.LockOf(schema)}{s_lane.Key}', 0)"), CultureInfo.InvariantCulture);

    private static async Task<PostgresServer> StartAsync()
    {
        Assert.SkipUnless(PostgresServer.IsInstalled, Servers.SkipReason(PostgresServer.WhyNot) ?? "");
        return await PostgresServer.StartAsync(cancellationToken: Token);
    }
}
