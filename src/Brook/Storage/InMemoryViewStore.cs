// Two goals: what tests and first runs use, and the shortest store with every rule of IViewStore, for those who write another.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Brook.Signals;

namespace Brook.Storage;

/// <summary>The reference store: dictionaries and one lock. Its content ends with the process.</summary>
/// <param name="time">The clock of expiry. Default: the system's.</param>
public sealed class InMemoryViewStore(TimeProvider? time = null) : IViewStore, IViewStoreSignals
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Dictionary<string, Collection> _collections = [];
    private readonly PriorityQueue<EntryKey, DateTimeOffset> _expiring = new();
    private readonly EntryWatches _watches = new();
    private Slot?[] _found = [];

    /// <inheritdoc />
    public ValueTask StartAsync(CancellationToken cancellationToken) => default;

    /// <inheritdoc />
    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        var entries = new StoredEntry[keys.Length];
        lock (_lock)
        {
            RemoveExpired();
            for (var i = 0; i < entries.Length; i++) entries[i] = Find(keys.Span[i])?.Entry ?? default;
        }
        return new(entries);
    }

    /// <inheritdoc />
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            RemoveExpired();
            if (!_collections.TryGetValue(collection, out var slots)) return new(new ViewPage<StoredEntry>([], null));
            var keys = slots.SortedKeys();
            var page = new List<KeyValuePair<string, StoredEntry>>();
            var next = Array.BinarySearch(keys, after ?? prefix, StringComparer.Ordinal);
            next = next < 0 ? ~next : after is null ? next : next + 1;
            for (; next < keys.Length && page.Count < size && keys[next].StartsWith(prefix, StringComparison.Ordinal); next++)
                page.Add(new(keys[next], slots.ByKey[keys[next]].Entry));
            var more = next < keys.Length && keys[next].StartsWith(prefix, StringComparison.Ordinal);
            return new(new ViewPage<StoredEntry>(page, more ? page[^1].Key : null));
        }
    }

    /// <inheritdoc />
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            RemoveExpired();
            return new(_collections.TryGetValue(collection, out var slots) ? slots.ByKey.Count : 0);
        }
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<string> ReadCollectionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string[] collections;
        lock (_lock) collections = [.. _collections.Where(collection => collection.Value.ByKey.Count > 0).Select(collection => collection.Key)];
        await ValueTask.CompletedTask.ConfigureAwait(false);
        foreach (var collection in collections) yield return collection;
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte>[] records;
        lock (_lock)
        {
            RemoveExpired();
            records = Find(entry)?.Read(type) ?? [];
        }
        await ValueTask.CompletedTask.ConfigureAwait(false);
        foreach (var record in records) yield return record;
    }

    /// <inheritdoc />
    public ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            RemoveExpired();
            if (Conflicts(commit.Entries) is { } conflicts) return new(CommitResult.Conflict(conflicts));
            for (var i = 0; i < commit.Entries.Length; i++) Apply(in commit.Entries[i], ref _found[i], commit.Version);
            foreach (ref readonly var append in commit.Appends) _found[append.Index]!.Append(in append);
        }
        _watches.Committed(commit);
        return new(CommitResult.Committed);
    }

    /// <inheritdoc />
    public ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new(_watches.Add(entry, changed));
    }

    /// <summary>Looks every entry up once: <see cref="_found"/> is what the writes then use.</summary>
    private List<EntryConflict>? Conflicts(ReadOnlySpan<CommitEntry> entries)
    {
        if (_found.Length < entries.Length) _found = new Slot?[entries.Length * 2];
        List<EntryConflict>? conflicts = null;
        for (var i = 0; i < entries.Length; i++)
        {
            _found[i] = Find(entries[i].Entry);
            if (entries[i].Expected is { } expected && (_found[i]?.Version ?? 0) != expected) (conflicts ??= []).Add(new(i, _found[i]?.Entry ?? default));
        }
        return conflicts;
    }

    private void Apply(in CommitEntry entry, ref Slot? slot, long version)
    {
        if (entry.Action == EntryAction.Check) return;
        ref var collection = ref CollectionsMarshal.GetValueRefOrAddDefault(_collections, entry.Entry.Collection, out _);
        collection ??= new();
        if (entry.Action == EntryAction.Delete)
        {
            if (slot is not null) collection.Remove(entry.Entry.Key);
            slot = null;
            return;
        }
        if (slot is null) collection.Add(entry.Entry.Key, slot = new Slot());
        if (entry.ExpiresAt is { } at && (slot.ExpiresAt is null || at < slot.ExpiresAt)) _expiring.Enqueue(entry.Entry, at);       // else it is queued already
        slot.Put(in entry, version);
    }

    private Slot? Find(EntryKey key) => _collections.TryGetValue(key.Collection, out var slots) && slots.ByKey.TryGetValue(key.Key, out var slot) ? slot : null;

    private void RemoveExpired()
    {
        if (_expiring.Count == 0) return;
        for (var now = _time.GetUtcNow(); _expiring.TryPeek(out var key, out var queued) && queued <= now;)
        {
            _expiring.Dequeue();
            if (Find(key)?.ExpiresAt is not { } at) continue;
            if (at <= now) _collections[key.Collection].Remove(key.Key);
            else _expiring.Enqueue(key, at);                    // it was written again since
        }
    }

    private sealed class Collection
    {
        private string[]? _sorted;

        public Dictionary<string, Slot> ByKey { get; } = [];

        public void Add(string key, Slot slot) => (ByKey[key], _sorted) = (slot, null);

        public void Remove(string key)
        {
            ByKey.Remove(key);
            _sorted = null;
        }

        public string[] SortedKeys()
        {
            if (_sorted is not null) return _sorted;
            _sorted = [.. ByKey.Keys];
            Array.Sort(_sorted, StringComparer.Ordinal);
            return _sorted;
        }
    }

    /// <summary>An entry and its log. Bytes are written in place and copied out, so that a busy entry makes no garbage.</summary>
    private sealed class Slot
    {
        private byte[] _value = [];
        private int _length;
        private long _version, _appended;
        private List<EntryLog>? _logs;          // one per event type

        public DateTimeOffset? ExpiresAt { get; private set; }

        public StoredEntry Entry => new(_version, _value.AsSpan(0, _length).ToArray(), ExpiresAt);

        public long Version => _version;

        public void Put(in CommitEntry entry, long version)
        {
            if (entry.DropLog) _logs = null;
            if (_value.Length < entry.Value.Length || _value.Length > 4 * entry.Value.Length) _value = new byte[entry.Value.Length];
            entry.Value.Span.CopyTo(_value);
            (_length, _version, ExpiresAt) = (entry.Value.Length, version, entry.ExpiresAt);
        }

        public void Append(in CommitAppend append)
        {
            foreach (var log in _logs ??= new(1))
                if (log.Type == append.Type)
                {
                    log.Append(_appended++, append.Record.Span, append.Keep);
                    return;
                }
            _logs.Add(new EntryLog(append.Type));
            _logs[^1].Append(_appended++, append.Record.Span, append.Keep);
        }

        public ReadOnlyMemory<byte>[] Read(string? type) => _logs is null ? [] :
            [.. _logs.Where(log => type is null || log.Type == type).SelectMany(log => log.Read()).OrderBy(record => record.Number).Select(record => record.Record)];
    }
}
