using System.Text.Json;
using Brook.Bench.Scenarios.Redis;
using Npgsql;

namespace Brook.Bench.Scenarios.Postgres;

/// <summary>What a consumer by hand does with Npgsql: per event one transaction, with a read, an upsert and an insert into a log. Prepared statements; no limit of the log, no duplicates noticed, one process only.</summary>
internal sealed class HandwrittenPeer(NpgsqlDataSource source, NpgsqlConnection connection) : IPeer
{
    private int _next;

    public static async Task<IPeer> OpenAsync(string connectionString)
    {
        var source = NpgsqlDataSource.Create($"{connectionString};Max Auto Prepare=20");
        var connection = await source.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("CREATE SCHEMA hand; CREATE TABLE hand.orders (id text PRIMARY KEY, value text NOT NULL) WITH (fillfactor = 80); CREATE TABLE hand.log (n bigserial PRIMARY KEY, id text NOT NULL, record bytea NOT NULL); CREATE INDEX ON hand.log (id, n)", connection);
        await command.ExecuteNonQueryAsync();
        return new HandwrittenPeer(source, connection);
    }

    /// <summary>The first run fills the tables, in one transaction.</summary>
    public async Task RunAsync(int events)
    {
        await using var filling = _next == 0 ? await connection.BeginTransactionAsync() : null;
        for (var end = _next + events; _next < end; _next++)
        {
            await using var transaction = filling is null ? await connection.BeginTransactionAsync() : null;
            await ApplyAsync(Records.Read(PostgresLoad.Record(_next)), PostgresLoad.Record(_next));
            if (transaction is not null) await transaction.CommitAsync();
        }
        if (filling is not null) await filling.CommitAsync();
    }

    public async Task<long> AppliedAsync()
    {
        await using var command = new NpgsqlCommand("SELECT sum((value::json->>'count')::bigint)::bigint FROM hand.orders", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        await connection.DisposeAsync();
        await source.DisposeAsync();
    }

    private async Task ApplyAsync(OrderUpdated e, ReadOnlyMemory<byte> record)
    {
        OrderPage? found;
        await using (var read = new NpgsqlCommand("SELECT value FROM hand.orders WHERE id = $1 FOR UPDATE", connection) { Parameters = { new() { Value = e.Id } } })
            found = await read.ExecuteScalarAsync() is string text ? JsonSerializer.Deserialize<OrderPage>(text, JsonSerializerOptions.Web) : null;
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("INSERT INTO hand.orders (id, value) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET value = excluded.value") { Parameters = { new() { Value = e.Id }, new() { Value = JsonSerializer.Serialize(RedisLoad.Fold(found, e), JsonSerializerOptions.Web) } } },
                new("INSERT INTO hand.log (id, record) VALUES ($1, $2)") { Parameters = { new() { Value = e.Id }, new() { Value = record.ToArray() } } },
            },
        };
        await batch.ExecuteNonQueryAsync();
    }
}
