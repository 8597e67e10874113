using Brook.Postgres.Tests.Support;
using Brook.Storage;
using Brook.TestServers;
using Npgsql;
using static Brook.Tests.Shared.Entries;

namespace Brook.Postgres.Tests.Failures;

/// <summary>A server that is lost, cut, paused or refuses: the text says so, nothing is half written, and the store goes on by itself.</summary>
public sealed class FailuresTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_server_that_is_not_there_is_named_and_waited_for_and_killed_it_has_every_commit()
    {
        await using var server = await StartAsync();
        await server.KillAsync();
        await using var store = new PostgresViewStore(server.ConnectionString);
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: true);
        Assert.StartsWith($"PostgreSQL at 127.0.0.1:{server.Port} cannot be reached (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Is it running, and is the address right? It is tried again.", error.Message, StringComparison.Ordinal);

        await server.RestartAsync(Token);
        await EventuallyAsync(async () => { await store.StartAsync(Token); return true; });
        var version = await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "t", "1"));
        await server.KillAsync();
        await FailsAsync(() => store.CommitAsync(Put("a", "2")), transient: true);
        await server.RestartAsync(Token);
        await EventuallyAsync(() => store.CommitAsync(CommitOf(Put("a", "2", version)).Log(0, "t", "2")));
        Assert.Equal(["1", "2"], await store.LogAsync("a"));

        await server.RestartAsync(Token);                                   // shut down: it tells its clients
        await EventuallyAsync(() => store.CommitAsync(Put("a", "3")));
    }

    [Fact]
    public async Task A_lost_answer_fails_in_a_way_that_may_pass_and_the_commit_has_landed_whole()
    {
        await using var proxy = TcpProxy.Start(postgres.Server.Host, postgres.Server.Port);
        await using var store = await new PostgresViewStore($"Host={proxy.Host};Port={proxy.Port};Username=postgres;Database=postgres", new() { Schema = SharedPostgres.NewSchema() }).StartedAsync();
        await store.CommitAsync(Put("before", "1"));
        var lost = proxy.LoseNextReplyAsync("brook_commit");
        var commit = CommitOf(Put("a", "1"), Put("b", "1")).Log(0, "t", "1");

        var error = await FailsAsync(async () => await store.CommitAsync(commit, Token), transient: true);
        await lost;

        Assert.StartsWith($"The connection to PostgreSQL at 127.0.0.1:{proxy.Port} was lost (", error.Message, StringComparison.Ordinal);
        await EventuallyAsync(async () => await store.ReadAsync("a") is not null ? true : throw new BrookException("not yet") { IsTransient = true });
        Assert.All(await store.ReadAsync(new EntryKey[] { new("things", "a"), new("things", "b") }, Token), entry => Assert.Equal(commit.Version, entry.Version));
        for (var i = 0; i < 5; i++)
        {
            proxy.CutAll();
            await EventuallyAsync(() => store.CommitAsync(Put("a", $"{i}")));
        }
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_is_said_and_goes_on()
    {
        await using var server = await StartAsync();
        await using var store = await new PostgresViewStore($"{server.ConnectionString};Command Timeout=1;Timeout=1;Cancellation Timeout=100").StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        await server.PauseAsync();
        var error = await FailsAsync(() => store.CommitAsync(Put("a", "2")), transient: true);
        Assert.StartsWith($"PostgreSQL at 127.0.0.1:{server.Port} did not answer in time.", error.Message, StringComparison.Ordinal);
        await server.ResumeAsync();
        await EventuallyAsync(() => store.CommitAsync(Put("a", "3")));
        Assert.Equal("3", await store.ReadAsync("a"));
    }

    [Fact]
    public async Task An_empty_pool_is_said()
    {
        await using var source = NpgsqlDataSource.Create($"{postgres.Server.ConnectionString};Maximum Pool Size=1;Timeout=1");
        await using var store = await new PostgresViewStore(source, new() { Schema = SharedPostgres.NewSchema() }).StartedAsync();
        await using (await source.OpenConnectionAsync(Token))
        {
            var error = await FailsAsync(() => store.CommitAsync(Put("a", "1")), transient: true);
            Assert.Equal($"All connections of the pool to PostgreSQL at 127.0.0.1:{postgres.Server.Port} are taken. Raise Maximum Pool Size, or find who keeps them.", error.Message);
        }
        await store.CommitAsync(Put("a", "1"));
    }

    [Fact]
    public async Task A_right_taken_away_or_a_table_renamed_refuses_the_commit_whole_and_it_goes_on_when_it_is_back()
    {
        var (schema, role) = (SharedPostgres.NewSchema(), $"app{Guid.NewGuid():N}");
        await postgres.Server.QueryAsync($"CREATE ROLE {role} LOGIN; {PostgresSchema.Script(schema)}; {PostgresSchema.Grants(role, schema)}");
        await using var store = await new PostgresViewStore(postgres.Server.ConnectionStringFor(role), new() { Schema = schema }).StartedAsync();
        await store.CommitAsync(CommitOf(Put("a", "0")).Log(0, "t", "0"));
        foreach (var (harm, mend, said) in new[]
        {
            ($"REVOKE INSERT ON {schema}.brook_log FROM {role}", $"GRANT INSERT ON {schema}.brook_log TO {role}", "does not allow this user what Brook needs (42501: "),
            ($"ALTER TABLE {schema}.brook_log RENAME TO elsewhere", $"ALTER TABLE {schema}.elsewhere RENAME TO brook_log", "does not have what Brook needs (42P01: "),
        })
        {
            await postgres.Server.QueryAsync(harm);
            var error = await FailsAsync(() => store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "1")).Log(0, "t", "1")), transient: false);
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
            Assert.Equal(("0", null), (await store.ReadAsync("a"), await store.ReadAsync("b")));
            await postgres.Server.QueryAsync(mend);
        }
        await store.CommitAsync(CommitOf(Put("a", "1")).Log(0, "t", "1"));
        Assert.Equal(["0", "1"], await store.LogAsync("a"));
    }

    [Fact]
    public async Task A_value_that_is_not_UTF8_and_a_number_too_large_for_jsonb_are_said_and_nothing_is_written()
    {
        await using var store = await postgres.OpenShared(values: PostgresValues.Jsonb).StartedAsync();
        foreach (var value in (byte[][])[[0xff], [.. "1e200000"u8]])
        {
            var error = await FailsAsync(() => store.CommitAsync(Put("b", "1"), new CommitEntry(new("things", "a"), EntryAction.Put, null, value)), transient: false);
            Assert.Contains("cannot hold a value of this commit (22", error.Message, StringComparison.Ordinal);
            Assert.Null(await store.ReadAsync("b"));
        }
    }

    [Fact]
    public async Task A_check_of_what_is_missing_keeps_others_from_making_it()
    {
        await using var store = await postgres.OpenShared().StartedAsync();
        for (var round = 0; round < 30; round++)
        {
            var (a, b) = ($"a{round}", $"b{round}");
            var results = await Task.WhenAll(
                Task.Run(async () => await store.CommitAsync(CommitOf(Put(a, "1"), new CommitEntry(new("things", b), EntryAction.Check, 0)), Token)),
                Task.Run(async () => await store.CommitAsync(CommitOf(Put(b, "1"), new CommitEntry(new("things", a), EntryAction.Check, 0)), Token)));
            Assert.Single(results, result => result.IsCommitted);
        }
    }

    [Fact]
    public async Task Locks_taken_the_other_way_round_by_another_program_only_delay_a_commit()
    {
        var schema = SharedPostgres.NewSchema();
        await using var store = await postgres.OpenShared(schema: schema).StartedAsync();
        await store.CommitAsync(Put("a", "1"), Put("b", "1"));
        await using var other = await postgres.Source.OpenConnectionAsync(Token);
        await using var transaction = await other.BeginTransactionAsync(Token);
        await LockAsync("b");
        var committing = Task.Run(() => store.CommitAsync(Put("a", "2"), Put("b", "2")));
        await UntilAsync(async () => await postgres.Server.QueryAsync("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%brook_commit%'") != "0", "the commit to wait");
        try { await LockAsync("a"); }
        catch (PostgresException e) when (e.SqlState == "40P01") { }
        await transaction.RollbackAsync(Token);
        await committing;
        Assert.Equal(("2", "2"), (await store.ReadAsync("a"), await store.ReadAsync("b")));

        async Task LockAsync(string key)
        {
            await using var command = new NpgsqlCommand($"SELECT FROM {schema}.brook_entry WHERE collection = 'things' AND key = '{key}' FOR UPDATE", other, transaction);
            await command.ExecuteNonQueryAsync(Token);
        }
    }

    [Fact]
    public async Task What_has_expired_is_removed_with_its_log()
    {
        var (time, schema) = (new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow), SharedPostgres.NewSchema());
        await using var store = await postgres.OpenShared(time, schema).StartedAsync();
        var commit = CommitOf([.. Enumerable.Range(0, 1200).Select(i => Put($"{i}", "1") with { ExpiresAt = time.GetUtcNow().AddSeconds(10) }), Put("stays", "1")]);
        for (var i = 0; i <= 1200; i++) commit.Log(i, "t", "1");
        await store.CommitAsync(commit);
        time.Advance(TimeSpan.FromMinutes(1));
        await UntilAsync(async () => await postgres.Server.QueryAsync($"SELECT (SELECT count(*) FROM {schema}.brook_entry), (SELECT count(*) FROM {schema}.brook_log)") == "1|1", "the sweep");
    }

    private static async Task<PostgresServer> StartAsync()
    {
        Assert.SkipUnless(PostgresServer.IsInstalled, Servers.SkipReason(PostgresServer.WhyNot) ?? "");
        return await PostgresServer.StartAsync(cancellationToken: Token);
    }
}
