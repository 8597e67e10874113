using Brook.Expiring;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Brook.Postgres;

/// <summary>Frees the room of entries that have expired, and of their logs. Reads and commits do not see them from their end on.</summary>
internal sealed class Sweeper : IAsyncDisposable
{
    private const int AtOnce = 500;

    private readonly PostgresConnection _connection;
    private readonly string _sweep;
    private readonly TimeProvider _time;
    private readonly Sweeping _sweeping;

    public Sweeper(PostgresConnection connection, string schema, TimeProvider time, TimeSpan interval, ILogger logger)
    {
        (_connection, _sweep, _time) = (connection, Statements.Sweep(schema, AtOnce), time);
        _sweeping = new(SweepAsync, error => Log.SweepFailed(logger, error), time, interval);
    }

    public void Start() => _sweeping.Start();

    public ValueTask DisposeAsync() => _sweeping.DisposeAsync();

    private async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        while (await SweepSomeAsync(cancellationToken).ConfigureAwait(false) == AtOnce) { }
    }

    private ValueTask<long> SweepSomeAsync(CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(_sweep) { Parameters = { new() { Value = _time.GetUtcNow().UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz } } };
        return _connection.RunAsync(command, async (reader, token) => await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0, cancellationToken);
    }
}
