// Each verb of IViewStore is one method here; what it needs is in the folder of its name. The layout: docs/redis-layout.md.
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>
/// A view in Redis (6.2 and newer) or Valkey. A commit is one script: it checks everything, then writes everything. Thread safe. Usually set up with
/// <c>brook.UseRedis(...)</c>; made by hand for tools and tests.
/// </summary>
public sealed class RedisViewStore : IViewStore, IViewStoreSignals, IAsyncDisposable
{
    private readonly RedisConnection _connection;
    private readonly RedisNames _names;
    private readonly StartCheck _check;
    private readonly CollectionReader _reader;
    private readonly LogReader _logs;
    private readonly Sweeper _sweeper;
    private readonly TimeProvider _time;
    private readonly DataId _data;
    private readonly RedisSignals _signals;
    private readonly ConcurrentBag<CommitCall> _calls = [];

    /// <summary>A view in the server that <paramref name="configuration"/> names; connected with the first <see cref="StartAsync"/>, closed with this object.</summary>
    /// <param name="configuration">As StackExchange.Redis has it: <c>localhost:6379,user=app,password=...,ssl=true</c>.</param>
    /// <param name="options">Null: the defaults, with the namespace <c>brook</c>.</param>
    /// <param name="time">The clock of expiry. Default: the system's.</param>
    /// <param name="logger">Default: none.</param>
    /// <exception cref="BrookException">The options or the configuration are not valid.</exception>
    public RedisViewStore(string configuration, RedisStoreOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
        : this(RedisConfiguration.Parse(configuration), options, time, logger) { }

    /// <summary>As the other constructor, with StackExchange.Redis' own options: certificates, sentinels, anything.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public RedisViewStore(ConfigurationOptions configuration, RedisStoreOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
        : this(RedisConfiguration.Connection(configuration, options), options, time, logger) { }

    /// <summary>A view over a connection that the application has; it stays open.</summary>
    /// <exception cref="BrookException">The options are not valid.</exception>
    public RedisViewStore(IConnectionMultiplexer connection, RedisStoreOptions? options = null, TimeProvider? time = null, ILogger? logger = null)
        : this(RedisConfiguration.Connection(connection, options), options, time, logger) { }

    /// <summary>Tests take guards out of it.</summary>
    internal Script CommitScript { get; init; } = Script.Commit;

    private RedisViewStore(RedisConnection connection, RedisStoreOptions? options, TimeProvider? time, ILogger? logger)
    {
        options ??= new();
        var space = options.Namespace ?? "brook";
        options.Validate(space);
        (_connection, _time, _names) = (connection, time ?? TimeProvider.System, new(space));
        _data = new(_connection, _names);
        _signals = new(_connection, _names, space, logger ?? NullLogger.Instance);
        _connection.Resubscribed = _signals.MayHaveMissed;
        _check = new(_connection, _names, _data, _signals, space, logger ?? NullLogger.Instance);
        _connection.Failed = _data.Doubt;
        _connection.Restored = () => _check.LookAgainAsync(CancellationToken.None);
        _reader = new(_connection, _names, _time);
        _logs = new(_connection, _names, _time);
        _sweeper = new(_connection, _names, _time, options.SweepInterval, logger ?? NullLogger.Instance);
    }

    /// <inheritdoc />
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await _check.RunAsync(cancellationToken).ConfigureAwait(false);
        await _sweeper.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => _data.ReadAsync(() => _reader.ReadAsync(keys, cancellationToken), cancellationToken);

    /// <inheritdoc />
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
        => _data.ReadAsync(() => _reader.ReadPageAsync(collection, prefix, after, size, cancellationToken), cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => _data.ReadAsync(() => _reader.CountAsync(collection, cancellationToken), cancellationToken);

    /// <inheritdoc />
    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => _reader.ReadCollectionsAsync(cancellationToken);

    /// <inheritdoc />
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var record in await _data.ReadAsync(() => _logs.ReadAsync(entry, type, cancellationToken), cancellationToken).ConfigureAwait(false)) yield return record;
    }

    /// <inheritdoc />
    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _sweeper.Expect(commit.Entries);
        if (!_calls.TryTake(out var call)) call = new CommitCall(_names);
        var now = _time.GetUtcNow();
        using var reply = await _connection.RunAsync(CommitScript, call.Write(commit, _data.Value, now, _signals.Command), cancellationToken).ConfigureAwait(false);
        var result = CommitResult.Committed;
        if (reply.Prefix != RESPite.Messages.RespPrefix.Integer)
        {
            var answer = (RedisResult[])reply.Read().ReadRedisResult()!;
            result = (string?)answer[0] switch
            {
                "CONFLICT" => CommitResult.Conflict(call.ConflictsOf(answer, commit, now)),
                "LOST" => throw Lost((string?)answer[1]),
                _ => throw RedisFailure.OfServer((string?)answer[2] ?? "", _connection.Endpoint, key: (string?)answer[1]),
            };
        }
        if (!call.IsLarge) _calls.Add(call);
        return result;
    }

    /// <inheritdoc />
    public ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken) => _signals.WatchAsync(entry, changed, cancellationToken);

    /// <summary>Ends the connection, unless it is the application's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _sweeper.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private BrookException Lost(string? found)
    {
        _data.Doubt();
        return _data.Lost(found);
    }
}
