using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Brook.Postgres;

/// <summary>Frees the room of entries that have expired, and of their logs. Reads and commits do not see them from their end on.</summary>
internal sealed class Sweeper(PostgresConnection connection, string schema, TimeProvider time, TimeSpan interval, ILogger logger) : IAsyncDisposable
{
    private const int AtOnce = 500;

    private readonly string _sweep = Statements.Sweep(schema, AtOnce);
    private readonly CancellationTokenSource _stopping = new();
    private Task? _sweeping;

    public void Start() => _sweeping ??= SweepNowAndAgainAsync(_stopping.Token);

    private async Task SweepNowAndAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var timer = new PeriodicTimer(interval, time);
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    while (await SweepAsync(cancellationToken).ConfigureAwait(false) == AtOnce) { }
                }
                catch (BrookException e)
                {
                    if (!e.IsTransient) Log.SweepFailed(logger, e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    private ValueTask<long> SweepAsync(CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(_sweep) { Parameters = { new() { Value = time.GetUtcNow().UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz } } };
        return connection.RunAsync(command, async (reader, token) => await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_sweeping is not null) await _sweeping.ConfigureAwait(false);
    }
}
