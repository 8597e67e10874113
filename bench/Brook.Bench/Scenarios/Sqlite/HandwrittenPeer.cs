using System.Globalization;
using System.Text.Json;
using Brook.Bench.Scenarios.Redis;
using Microsoft.Data.Sqlite;

namespace Brook.Bench.Scenarios.Sqlite;

/// <summary>What somebody writes with Microsoft.Data.Sqlite: for each event a transaction with a read, an upsert and an insert into the log; prepared once. No log limit, no duplicates noticed.</summary>
internal sealed class HandwrittenPeer : IPeer
{
    private const int FilledTogether = 1000;
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _read, _write, _log;
    private readonly int _together;
    private int _next;

    private HandwrittenPeer(SqliteConnection connection, int together)
    {
        (_connection, _together) = (connection, together);
        _read = Prepare("SELECT value FROM orders WHERE key = $key", "$key");
        _write = Prepare("INSERT INTO orders (key, value) VALUES ($key, $value) ON CONFLICT (key) DO UPDATE SET value = excluded.value", "$key", "$value");
        _log = Prepare("INSERT INTO log (key, record) VALUES ($key, $record)", "$key", "$record");
    }

    public static IPeer Open(string path, bool durable, int together = 1)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var create = connection.CreateCommand();
        create.CommandText = $"PRAGMA journal_mode = WAL; PRAGMA synchronous = {(durable ? "FULL" : "NORMAL")}; CREATE TABLE orders (key TEXT PRIMARY KEY, value TEXT NOT NULL); CREATE TABLE log (id INTEGER PRIMARY KEY, key TEXT NOT NULL, record BLOB NOT NULL); CREATE INDEX log_by_key ON log (key)";
        create.ExecuteNonQuery();
        return new HandwrittenPeer(connection, together);
    }

    /// <summary>The first run fills the file, in large transactions in any case.</summary>
    public Task RunAsync(int events)
    {
        var (together, end) = (_next == 0 ? FilledTogether : _together, _next + events);
        while (_next < end)
        {
            using var transaction = _connection.BeginTransaction();
            _read.Transaction = _write.Transaction = _log.Transaction = transaction;
            for (var i = 0; i < together && _next < end; i++) Apply(Records.Read(SqliteLoad.Record(_next)), SqliteLoad.Record(_next++));
            transaction.Commit();
        }
        return Task.CompletedTask;
    }

    public Task<long> AppliedAsync()
    {
        using var sum = _connection.CreateCommand();
        sum.CommandText = "SELECT sum(json_extract(value, '$.count')) FROM orders";
        return Task.FromResult(Convert.ToInt64(sum.ExecuteScalar(), CultureInfo.InvariantCulture));
    }

    public ValueTask DisposeAsync()
    {
        foreach (var command in (SqliteCommand[])[_read, _write, _log]) command.Dispose();
        return _connection.DisposeAsync();
    }

    private void Apply(OrderUpdated e, ReadOnlyMemory<byte> record)
    {
        _read.Parameters[0].Value = _write.Parameters[0].Value = _log.Parameters[0].Value = e.Id;
        var found = (string?)_read.ExecuteScalar();
        _write.Parameters[1].Value = JsonSerializer.Serialize(RedisLoad.Fold(found is null ? null : JsonSerializer.Deserialize<OrderPage>(found, JsonSerializerOptions.Web), e), JsonSerializerOptions.Web);
        _write.ExecuteNonQuery();
        _log.Parameters[1].Value = record.ToArray();
        _log.ExecuteNonQuery();
    }

    private SqliteCommand Prepare(string sql, params string[] parameters)
    {
        var command = _connection.CreateCommand();
#pragma warning disable CA2100 // the texts above
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach (var parameter in parameters) command.Parameters.Add(new SqliteParameter { ParameterName = parameter });
        return command;
    }
}
