// Each verb of IViewStore is one method here; what it needs is in the folder of its name. The tables: Starting/schema-1.sql, docs/sqlite.md.
using System.Runtime.CompilerServices;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Brook.Sqlite;

/// <summary>
/// A view in a SQLite file. A commit is one transaction; readers never wait for it. Thread safe; several processes of one machine may use the file. Usually set up with
/// <c>brook.UseSqlite(...)</c>; made by hand for tools and tests.
/// </summary>
public sealed class SqliteViewStore : IViewStore, IViewStoreSignals, IAsyncDisposable
{
    private readonly string _path;
    private readonly SqliteStoreOptions _options;
    private readonly StartCheck _check;
    private readonly SemaphoreSlim _starting = new(1);
    private readonly Writer _writer;
    private readonly Readers _readers;
    private readonly Sweeper _sweeper;
    private readonly SqliteSignals _signals;
    private readonly TimeProvider _time;

    /// <summary>A view in this file, which the first <see cref="StartAsync"/> opens, or makes; closed with this object.</summary>
    /// <param name="path">The file, in a folder that is there.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="time">The clock of expiry. Default: the system's.</param>
    /// <param name="logger">Default: none.</param>
    /// <exception cref="BrookException">The path or the options are not valid.</exception>
    public SqliteViewStore(string path, SqliteStoreOptions? options = null, TimeProvider? time = null, ILogger? logger = null) : this(path, options, time, logger, Schema.Current) { }

    internal SqliteViewStore(string path, SqliteStoreOptions? options, TimeProvider? time, ILogger? logger, Schema schema)
    {
        _options = options ?? new();
        _options.Validate(path);
        (_path, _time) = (Path.GetFullPath(path), time ?? TimeProvider.System);
        _check = new(_path, _options, schema, logger ?? NullLogger.Instance);
        _signals = new(_path);
        _writer = new(_path, _options.BusyTimeout, _time, _signals);
        _readers = new(_path, _options.BusyTimeout);
        _sweeper = new(_writer, _time, _options.SweepInterval, logger ?? NullLogger.Instance);
    }

    /// <inheritdoc />
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_writer.IsStarted) _writer.Start(await OpenAsync(cancellationToken).ConfigureAwait(false));
            else if (!File.Exists(_path)) throw SqliteFailure.Gone(_path);
            _sweeper.Start();
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <inheritdoc />
    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        if (keys.Length == 0) return [];
        return await ReadAsync((Keys: keys, Now: Now), static (reader, ask) =>
        {
            var entries = new StoredEntry[ask.Keys.Length];
            for (var i = 0; i < entries.Length; i++) entries[i] = reader.Read(ask.Keys.Span[i], ask.Now);
            return entries;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
        => ReadAsync((collection, prefix, after, size, Now), static (reader, ask) => reader.ReadPage(ask.collection, ask.prefix, ask.after, ask.size, ask.Now), cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
        => ReadAsync((collection, Now), static (reader, ask) => reader.Count(ask.collection, ask.Now), cancellationToken);

    /// <inheritdoc />
    public async IAsyncEnumerable<string> ReadCollectionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var collection in await ReadAsync(0, static (reader, _) => reader.ReadCollections(), cancellationToken).ConfigureAwait(false)) yield return collection;
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var record in await ReadAsync((entry, type, Now), static (reader, ask) => reader.ReadLog(ask.entry, ask.type, ask.Now), cancellationToken).ConfigureAwait(false)) yield return record;
    }

    /// <inheritdoc />
    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(commit);
        cancellationToken.ThrowIfCancellationRequested();
        var call = new WriteCall(commit, cancellationToken);
        await _writer.Enqueue(call).ConfigureAwait(false);
        return call.Answer;
    }

    /// <inheritdoc />
    public ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new(_signals.Watch(entry, changed));
    }

    /// <summary>Writes what is queued and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _signals.Dispose();
        await _sweeper.DisposeAsync().ConfigureAwait(false);
        _readers.Dispose();
        await _writer.DisposeAsync().ConfigureAwait(false);
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private ValueTask<T> ReadAsync<TState, T>(TState state, Func<Reader, TState, T> read, CancellationToken cancellationToken)
    {
        if (!_writer.IsStarted) throw new InvalidOperationException("The store was not started: call StartAsync first.");
        return _readers.ReadAsync((state, read), static (reader, ask) => reader.AtOneMoment(ask.state, ask.read), cancellationToken);
    }

    private async Task<Database> OpenAsync(CancellationToken cancellationToken)
    {
        for (var patience = new Patience(_path, _options.BusyTimeout); ;)
        {
            try { return await Task.Run(_check.Run, cancellationToken).ConfigureAwait(false); }
            catch (BusyException e) { await Task.Delay(patience.Pause(e), cancellationToken).ConfigureAwait(false); }
        }
    }
}
