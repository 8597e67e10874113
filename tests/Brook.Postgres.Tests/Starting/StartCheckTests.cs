using Brook.Postgres.Tests.Support;
using Brook.Tests.Shared;
using Microsoft.Extensions.Logging.Testing;
using Npgsql;
using static Brook.Tests.Shared.Entries;

namespace Brook.Postgres.Tests.Starting;

/// <summary>What is wrong with the server, the schema or the user is said at start, not at three in the night.</summary>
public sealed class StartCheckTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData(PostgresValues.Text)]
    [InlineData(PostgresValues.Jsonb)]
    public async Task A_role_with_the_documented_grants_can_do_everything_and_make_nothing(PostgresValues values)
    {
        var (schema, role) = (SharedPostgres.NewSchema(), $"app{Guid.NewGuid():N}");
        await postgres.Server.QueryAsync($"CREATE ROLE {role} LOGIN; {PostgresSchema.Script(schema, values)}; {PostgresSchema.Grants(role, schema)}");
        await using var store = await new PostgresViewStore(postgres.Server.ConnectionStringFor(role), new() { Schema = schema, Values = values, CreateSchema = false }).StartedAsync();
        await store.CommitAsync(CommitOf(Put("a", "1"), Put("b", "1") with { ExpiresAt = DateTimeOffset.UtcNow.AddDays(1) }, Put("c", "1", 0), Delete("d")).Log(0, "t", "1", 1).Log(0, "t", "2", 1));
        await store.CommitAsync(CommitOf(Put("a", "2") with { DropLog = true }, Delete("c")).Log(0, "t", "3", 1));
        Assert.Equal(("2", 2L), (await store.ReadAsync("a"), await store.CountAsync("things", Token)));
        Assert.Equal(["3"], await store.LogAsync("a"));
        Assert.Equal("a|2", await postgres.Server.QueryAsync($"SELECT key, value FROM {schema}.entries WHERE collection = 'things' AND key = 'a'", role));
        await Assert.ThrowsAsync<InvalidOperationException>(() => postgres.Server.QueryAsync($"CREATE TABLE {schema}.mine (n int)", role));
        var told = new SemaphoreSlim(0);
        await using var watch = await store.WatchAsync(new("$lanes", "orders/0"), () => told.Release(), Token);
        await store.CommitAsync(Put("orders/0", "1", collection: "$lanes"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    [Theory]
    [InlineData("INSERT ON {0}.brook_entry", "REVOKE INSERT ON {0}.brook_entry FROM {1}")]
    [InlineData("SELECT ON {0}.brook_log, DELETE ON {0}.brook_log", "REVOKE SELECT, DELETE ON {0}.brook_log FROM {1}")]
    [InlineData("USAGE ON SCHEMA \"{0}\"", "REVOKE USAGE ON SCHEMA {0} FROM {1}")]
    [InlineData("EXECUTE ON FUNCTION {0}.brook_commit", "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {0} FROM PUBLIC")]
    public async Task A_missing_grant_is_named(string missing, string revoke)
    {
        var (schema, role) = (SharedPostgres.NewSchema(), $"app{Guid.NewGuid():N}");
        await postgres.Server.QueryAsync($"CREATE ROLE {role} LOGIN; {PostgresSchema.Script(schema)}; {PostgresSchema.Grants(role, schema)}; {string.Format(null, revoke, schema, role)}");
        await using var store = new PostgresViewStore(postgres.Server.ConnectionStringFor(role), new() { Schema = schema });
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.EndsWith($" does not allow {role} {string.Format(null, missing, schema)}. Grant it, or all that Brook needs: PostgresSchema.Grants has the statements.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_may_not_make_the_schema_is_told_who_can()
    {
        var (schema, role) = (SharedPostgres.NewSchema(), $"app{Guid.NewGuid():N}");
        await postgres.Server.QueryAsync($"CREATE ROLE {role} LOGIN");
        await using var store = new PostgresViewStore(postgres.Server.ConnectionStringFor(role), new() { Schema = schema });
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.Contains($" does not let {role} make or change the schema '{schema}' (42501: ", error.Message, StringComparison.Ordinal);
        await using var never = new PostgresViewStore(postgres.Server.ConnectionString, new() { Schema = schema, CreateSchema = false });
        Assert.Contains($" has no schema '{schema}', and CreateSchema is false. Let a DBA run ", (await FailsAsync(async () => await never.StartAsync(Token), transient: false)).Message, StringComparison.Ordinal);
        await postgres.Server.QueryAsync($"GRANT CREATE ON DATABASE postgres TO {role}");
        await store.StartedAsync();
    }

    [Fact]
    public async Task A_newer_schema_is_refused_and_an_older_one_brought_up_to_date_with_its_data()
    {
        var schema = SharedPostgres.NewSchema();
        await using var store = await postgres.OpenShared(schema: schema).StartedAsync();
        await store.CommitAsync(Put("a", "1"));
        await postgres.Server.QueryAsync($"UPDATE {schema}.brook_schema SET version = 7");
        var error = await FailsAsync(async () => await postgres.OpenShared(schema: schema).StartAsync(Token), transient: false);
        Assert.Contains("is version 7, of a newer Brook; this one reads 2. Nothing was written.", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(() => postgres.Server.QueryAsync(PostgresSchema.Script(schema)));       // nor by the script

        await postgres.Server.QueryAsync($"UPDATE {schema}.brook_schema SET version = 0; DROP FUNCTION {schema}.create_view");
        await using var later = await postgres.OpenShared(schema: schema).StartedAsync();
        Assert.Equal("1", await later.ReadAsync("a"));
        Assert.Equal("2", await postgres.Server.QueryAsync($"SELECT version FROM {schema}.brook_schema"));
    }

    [Fact]
    public async Task Many_who_start_at_once_make_one_schema()
    {
        var schema = SharedPostgres.NewSchema();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () => await (await postgres.OpenShared(schema: schema).StartedAsync()).CommitAsync(Put($"{i}", "1")))));
        Assert.Equal("1|8", await postgres.Server.QueryAsync($"SELECT (SELECT count(*) FROM {schema}.brook_schema), (SELECT count(*) FROM {schema}.entries)"));
    }

    [Fact]
    public async Task Other_values_than_the_schema_has_are_refused()
    {
        var schema = SharedPostgres.NewSchema();
        await postgres.OpenShared(schema: schema).StartedAsync();
        var error = await FailsAsync(async () => await postgres.OpenShared(schema: schema, values: PostgresValues.Jsonb).StartAsync(Token), transient: false);
        Assert.EndsWith("keeps values as Text, and the options say Values = Jsonb. Set Values = PostgresValues.Text, or give this view another Schema and replay.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_only_server_and_a_foreign_encoding_are_said()
    {
        await postgres.Server.QueryAsync($"CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
        await using var latin = new PostgresViewStore(postgres.Server.ConnectionStringFor("postgres", "latin"));
        Assert.Contains("has the encoding LATIN1; Brook needs UTF8.", (await FailsAsync(async () => await latin.StartAsync(Token), transient: false)).Message, StringComparison.Ordinal);
        await using var readOnly = new PostgresViewStore($"{postgres.Server.ConnectionString};Options=-c default_transaction_read_only=on");
        Assert.Contains("takes no writes now: it is a standby, or read-only.", (await FailsAsync(async () => await readOnly.StartAsync(Token), transient: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_view_of_one_collection_is_made_for_sql()
    {
        var schema = SharedPostgres.NewSchema();
        await using var store = await postgres.OpenShared(schema: schema, values: PostgresValues.Jsonb).StartedAsync();
        await store.CommitAsync(Put("o-1", """{"status":"new"}""", collection: "orders"), Put("o-2", "\"\\u0000\"", collection: "orders"), Put("x", "1", collection: "$own"));
        await postgres.Server.QueryAsync($"SELECT {schema}.create_view('orders')");
        Assert.Equal("o-1|new\no-2|", await postgres.Server.QueryAsync($"SELECT key, value->>'status' FROM {schema}.orders ORDER BY key"));
        Assert.Equal("orders", await postgres.Server.QueryAsync($"SELECT DISTINCT collection FROM {schema}.entries"));
        Assert.Equal("\"\\u0000\"", await store.ReadAsync("o-2", "orders"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => postgres.Server.QueryAsync($"SELECT {schema}.create_view('entries')"));
    }

    [Fact]
    public async Task A_database_or_a_user_that_is_not_there_is_said_without_secrets()
    {
        await using var store = new PostgresViewStore(postgres.Server.ConnectionStringFor("postgres", "nowhere"));
        Assert.Contains("does not have the database (3D000: ", (await FailsAsync(async () => await store.StartAsync(Token), transient: false)).Message, StringComparison.Ordinal);
        await using var other = new PostgresViewStore(postgres.Server.ConnectionStringFor("nobody") + ";Password=hunter2");
        var error = await FailsAsync(async () => await other.StartAsync(Token), transient: false);
        Assert.Contains("does not accept the user or the password (28000: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_web_server_at_the_address_is_no_postgres_and_is_said()
    {
        using var http = new HttpPort();
        await using var store = new PostgresViewStore($"Host=127.0.0.1;Port={http.Port};Timeout=2;Username=app");
        var error = await FailsAsync(async () => await store.StartAsync(Token), transient: false);
        Assert.StartsWith($"PostgreSQL at 127.0.0.1:{http.Port} did not let us in: Received unknown response H", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=a;Nonsense=1;Password=hunter2")]
    [InlineData("Password=hunter2")]
    [InlineData("postgres://app:hunter2@localhost/shop")]
    public void A_connection_string_that_cannot_be_read_says_so_without_its_secrets(string connectionString)
    {
        var error = Assert.Throws<BrookException>(() => new PostgresViewStore(connectionString));
        Assert.StartsWith("The PostgreSQL connection string cannot be read", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_make_no_sense_are_named_together()
    {
        var error = Assert.Throws<BrookException>(() => new PostgresViewStore("Host=a", new() { Schema = "pg_mine", Values = (PostgresValues)7, SweepInterval = TimeSpan.Zero }));
        Assert.Equal("The options of the PostgreSQL store are not valid:\n  - Schema is 'pg_mine'; it must have 1 to 63 bytes without control characters, and not begin with pg_.\n  - Values is 7; it must be Text or Jsonb.\n  - SweepInterval is 00:00:00; it must be more than 0, and a day at most.", error.Message);
    }
}
