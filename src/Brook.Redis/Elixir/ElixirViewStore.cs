// Each verb of IViewStore is one method here; what it needs is beside it. The layout, and what it cannot do: docs/elixir-layout.md.
using System.Runtime.CompilerServices;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RESPite.Messages;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>A view in Redis as Brook 0.6 for Elixir has it. A commit is one script, which compares what is stored: what Elixir wrote since it was read is a conflict.</summary>
internal sealed class ElixirViewStore : IViewStore, IViewStoreSignals, IAsyncDisposable
{
    private const int Attempts = 100;
    private readonly RedisConnection _connection;
    private readonly ElixirNames _names;
    private readonly ElixirStart _start;
    private readonly ElixirReader _reader;
    private readonly ElixirLogs _logs;
    private readonly ElixirSerializer _serializer;
    private readonly TimeProvider _time;
    private long _stamp;
    private readonly DataId _data;
    private readonly RedisSignals _signals;

    /// <exception cref="BrookException">The options are not valid.</exception>
    public ElixirViewStore(RedisConnection connection, RedisStoreOptions options, TimeProvider? time = null, ILogger? logger = null)
    {
        options.Validate(options.Namespace, RedisLayout.ElixirBrook);
        (_connection, _names, _serializer, _time) = (connection, new(options.Namespace!), options.ElixirSerializer, time ?? TimeProvider.System);
        _data = new(connection, _names.Own);
        _signals = new(connection, _names.Own, options.Namespace!, logger ?? NullLogger.Instance);
        connection.Resubscribed = _signals.MayHaveMissed;
        _start = new(connection, _names, _data, _signals, options.Namespace!, logger ?? NullLogger.Instance);
        _connection.Failed = _data.Doubt;
        _connection.Restored = () => _start.LookAgainAsync(CancellationToken.None);
        _reader = new(connection, _names, _time);
        _logs = new(connection, _names, _reader, _time);
    }

    public ValueTask StartAsync(CancellationToken cancellationToken) => _start.RunAsync(cancellationToken);

    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => _data.ReadAsync(() => _reader.ReadAsync(keys, cancellationToken), cancellationToken);

    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
        => _data.ReadAsync(() => _reader.ReadPageAsync(collection, prefix, after, size, cancellationToken), cancellationToken);

    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => _data.ReadAsync(() => _reader.CountAsync(collection, cancellationToken), cancellationToken);

    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => _reader.ReadCollectionsAsync(cancellationToken);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var record in await _data.ReadAsync(() => _logs.ReadAsync(entry, type, cancellationToken), cancellationToken).ConfigureAwait(false)) yield return record;
    }

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var dropped = Dropped(commit.Entries);
        var call = new ElixirCall(_names, _serializer, Stamp);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var removals = await _logs.FindAsync(commit, dropped, cancellationToken).ConfigureAwait(false);
            var now = _time.GetUtcNow();
            using var reply = await _connection.RunAsync(Script.ElixirCommit, call.Write(commit, _data.Value, now, _signals.Command, removals), cancellationToken).ConfigureAwait(false);
            if (reply.Prefix == RespPrefix.Integer) return CommitResult.Committed;
            var answer = (RedisResult[])reply.Read().ReadRedisResult()!;
            switch ((string?)answer[0])
            {
                case "CONFLICT": return CommitResult.Conflict(ConflictsOf(answer, commit, now));
                case "AGAIN": dropped.UnionWith(answer.Skip(1).Select(index => (int)index)); break;
                case "TAKEN": throw Taken(commit.Entries[(int)answer[1]].Entry);
                case "LOST": throw Lost((string?)answer[1]);
                default: throw RedisFailure.OfServer((string?)answer[2] ?? "", _connection.Endpoint, key: (string?)answer[1]);
            }
        }
        throw new BrookException($"The logs of entries to be removed changed {Attempts} times while they were looked up. Nothing was written; it is tried again.") { IsTransient = true };
    }

    public ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken) => _signals.WatchAsync(entry, changed, cancellationToken);

    /// <summary>Ends the connection, unless it is the application's.</summary>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>The entries whose logs go, by index.</summary>
    private static HashSet<int> Dropped(ReadOnlySpan<CommitEntry> entries)
    {
        var dropped = new HashSet<int>();
        for (var i = 0; i < entries.Length; i++)
            if (entries[i].Action == EntryAction.Delete || entries[i] is { Action: EntryAction.Put, DropLog: true })
                if (!ElixirNames.IsOwn(entries[i].Entry.Collection)) dropped.Add(i);
        return dropped;
    }

    /// <summary>Milliseconds for what has no time itself: they only grow, so that it comes back in its order.</summary>
    private long Stamp()
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        for (long seen; ;)
        {
            seen = Volatile.Read(ref _stamp);
            var next = Math.Max(now, seen + 1);
            if (Interlocked.CompareExchange(ref _stamp, next, seen) == seen) return next;
        }
    }

    private static List<EntryConflict> ConflictsOf(RedisResult[] answer, Commit commit, DateTimeOffset now)
    {
        var conflicts = new List<EntryConflict>(answer.Length / 3);
        for (var i = 1; i < answer.Length; i += 3)
        {
            var (index, found) = ((int)answer[i], (byte[]?)answer[i + 1]);
            var key = commit.Entries[index].Entry;
            conflicts.Add(new(index, ElixirNames.IsOwn(key.Collection) ? Blob.Read(found, now, key) : ElixirState.Read(found, (byte[]?)answer[i + 2], key, now)));
        }
        return conflicts;
    }

    private BrookException Taken(EntryKey entry) => new(
        $"The entry {entry} cannot be stored in Elixir's layout: its Redis key {_names.StateOf(entry)} is that of an entry of another collection, because collection and key are joined by a colon. Nothing was written. " +
        "Delete the other entry, or name one of the two collections or keys without a colon.");

    private BrookException Lost(string? found)
    {
        _data.Doubt();
        return _data.Lost(found);
    }
}
