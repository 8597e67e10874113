// Each verb of IViewStore is one method here; what it needs is in the folder of its name. The tables and the commit itself: Schema/schema.sql.
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Brook.Postgres;

/// <summary>
/// A view in PostgreSQL (13 and newer). A commit is one call of a function, so one transaction and one round trip: it checks everything, then writes everything. Thread safe.
/// Usually set up with <c>brook.UsePostgres(...)</c>; made by hand for tools and tests.
/// </summary>
public sealed class PostgresViewStore : IViewStore, IViewStoreSignals, IAsyncDisposable
{
    private readonly PostgresConnection _connection;
    private readonly StartCheck _check;
    private readonly EntryReader _reader;
    private readonly Sweeper _sweeper;
    private readonly PostgresSignals _signals;
    private readonly TimeProvider _time;
    private readonly string _schema;
    private readonly PostgresValues _values;
    private readonly ConcurrentBag<CommitCall> _calls = [];

    /// <summary>A view in the database that <paramref name="connectionString"/> names, with a pool of its own.</summary>
    /// <param name="connectionString">As Npgsql has it: <c>Host=localhost;Username=app;Password=...;Database=shop</c>.</param>
    /// <param name="options">Null: the defaults, with the schema <c>brook</c>.</param>
    /// <param name="time">The clock of expiry. Default: the system's.</param>
    /// <param name="logger">Default: none.</param>
    /// <exception cref="BrookException">The options or the connection string are not valid.</exception>
    public PostgresViewStore(string connectionString, PostgresStoreOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
        : this(PostgresConfiguration.Connection(connectionString, options), options, time, logger) { }

    /// <summary>A view over a data source that the application has; it is not disposed of here.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public PostgresViewStore(NpgsqlDataSource dataSource, PostgresStoreOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
        : this(PostgresConfiguration.Connection(dataSource), options, time, logger) { }

    private PostgresViewStore(PostgresConnection connection, PostgresStoreOptions? options, TimeProvider? time, ILogger? logger)
    {
        options ??= new();
        (_connection, _time, _schema, _values) = (connection, time ?? TimeProvider.System, options.Schema ?? PostgresStoreOptions.DefaultSchema, options.Values);
        PostgresStoreOptions.Validate(_schema, options.Values, options.SweepInterval);
        _signals = new(_connection, _schema, logger ?? NullLogger.Instance);
        _check = new(_connection, _schema, options, logger ?? NullLogger.Instance);
        _reader = new(_connection, _schema, _values, _time);
        _sweeper = new(_connection, _schema, _time, options.SweepInterval, logger ?? NullLogger.Instance);
    }

    /// <inheritdoc />
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await _check.RunAsync(cancellationToken).ConfigureAwait(false);
        _sweeper.Start();
    }

    /// <inheritdoc />
    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => _reader.ReadAsync(keys, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
        => _reader.ReadPageAsync(collection, prefix, after, size, cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => _reader.CountAsync(collection, cancellationToken);

    /// <inheritdoc />
    public async IAsyncEnumerable<string> ReadCollectionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var collection in await _reader.ReadCollectionsAsync(cancellationToken).ConfigureAwait(false)) yield return collection;
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var record in await _reader.ReadLogAsync(entry, type, cancellationToken).ConfigureAwait(false)) yield return record;
    }

    /// <inheritdoc />
    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_calls.TryTake(out var call)) call = new CommitCall(_schema, _values);
        call.Write(commit, _time.GetUtcNow());
        var conflicts = await _connection.RunAsync(call.Command, ReadConflictsAsync, cancellationToken).ConfigureAwait(false);
        _calls.Add(call);
        return conflicts is null ? CommitResult.Committed : CommitResult.Conflict(conflicts);
    }

    /// <inheritdoc />
    public ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken) => _signals.WatchAsync(entry, changed, cancellationToken);

    /// <summary>Ends the pool, unless it is the application's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _signals.DisposeAsync().ConfigureAwait(false);
        await _sweeper.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask<List<EntryConflict>?> ReadConflictsAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        List<EntryConflict>? conflicts = null;
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) (conflicts ??= []).Add(new(reader.GetInt32(0) - 1, EntryReader.EntryOf(reader, 1)));
        return conflicts;
    }
}
