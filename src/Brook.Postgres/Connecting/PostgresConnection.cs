using Npgsql;

namespace Brook.Postgres;

/// <summary>Calls on connections of the pool: each is one statement, so one transaction and one snapshot.</summary>
internal sealed class PostgresConnection(NpgsqlDataSource source, bool owned, string endpoint) : IAsyncDisposable
{
    private const int Attempts = 20;

    /// <summary>Where the server is, without credentials.</summary>
    public string Endpoint => endpoint;

    /// <summary>One connection may be kept for listening, and enough are left.</summary>
    public bool HasRoomToListen { get; } = new NpgsqlConnectionStringBuilder(source.ConnectionString) is { Pooling: false } or { MaxPoolSize: > 2 };

    /// <summary>The schema is as it should be.</summary>
    public bool IsStarted { get; set; }

    /// <summary>Runs one statement. What another commit was in the way of (serialization, a deadlock) is run again at once: nothing of it was written.</summary>
    /// <exception cref="BrookException">It failed.</exception>
    public async ValueTask<T> RunAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        if (!IsStarted) throw new InvalidOperationException("The store was not started: call StartAsync first.");
        for (var attempt = 1; ; attempt++)
        {
            try { return await OnceAsync(command, read, cancellationToken).ConfigureAwait(false); }
            catch (PostgresException e) when (PostgresFailure.IsRace(e) && attempt < Attempts)
            {
                if (attempt > 2) await Task.Delay(Random.Shared.Next(1, 5 * attempt), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (PostgresFailure.Of(e, endpoint, cancellationToken) is { } failure) { throw failure; }
        }
    }

    /// <summary>Several statements on one connection.</summary>
    /// <exception cref="BrookException">It failed.</exception>
    public async ValueTask<T> UseAsync<T>(Func<NpgsqlConnection, ValueTask<T>> use, CancellationToken cancellationToken)
    {
        try
        {
            var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false)) return await use(connection).ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresFailure.Of(e, endpoint, cancellationToken) is { } failure) { throw failure; }
    }

    public async ValueTask DisposeAsync()
    {
        if (owned) await source.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<T> OnceAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            command.Connection = connection;
            try
            {
                var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                await using (reader.ConfigureAwait(false))
                {
                    var answer = await read(reader, cancellationToken).ConfigureAwait(false);
                    while (await reader.NextResultAsync(cancellationToken).ConfigureAwait(false)) { }         // an error at the end is an error
                    return answer;
                }
            }
            finally { command.Connection = null; }
        }
    }
}
