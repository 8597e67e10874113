// Two goals: what tests and first runs use, and the shortest store with every rule of IViewStore, for those who write another.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Brook.Storage;

/// <summary>The reference store: dictionaries and one lock. Its content ends with the process.</summary>
/// <param name="time">The clock of expiry. Default: the system's.</param>
public sealed class InMemoryViewStore(TimeProvider? time = null) : IViewStore
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Dictionary<string, Collection> _collections = [];
    private readonly PriorityQueue<EntryKey, DateTimeOffset> _expiring = new();
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
            return new(CommitResult.Committed);
        }
    }

    /// <summary>Looks every entry up once: <see cref="_found"/> is what the writes then use.</summary>
    private List<EntryConflict>? Conflicts(ReadOnlySpan<CommitEntry> entries)
    {
        if (_found.Length < entries.Length) _found = new Slot?[entries.Length * 2];
        List<EntryConflict>? conflicts = null;
        for (var i = 0; i < entries.Length; i++)
        {
            _found[i] = Find(entries[i].Entry);
            var current = _found[i]?.Entry ?? default;
            if (entries[i].Expected is { } expected && current.Version != expected) (conflicts ??= []).Add(new(i, current));
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
        if (entry.DropLog) slot.DropLog();
        slot.Entry = new StoredEntry(version, entry.Value.ToArray(), entry.ExpiresAt);
        if (entry.ExpiresAt is { } at) _expiring.Enqueue(entry.Entry, at);
    }

    private Slot? Find(EntryKey key) => _collections.TryGetValue(key.Collection, out var slots) && slots.ByKey.TryGetValue(key.Key, out var slot) ? slot : null;

    private void RemoveExpired()
    {
        if (_expiring.Count == 0) return;
        for (var now = _time.GetUtcNow(); _expiring.TryPeek(out var key, out var at) && at <= now; _expiring.Dequeue())
            if (Find(key)?.Entry.ExpiresAt <= now) _collections[key.Collection].Remove(key.Key);   // unless it was written again since
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

    /// <summary>An entry and its log: a queue per event type, so that a limit costs nothing, numbered to give the order back.</summary>
    private sealed class Slot
    {
        private List<(string Type, Queue<(long Number, byte[] Record)> Records)>? _log;
        private long _appended;

        public StoredEntry Entry { get; set; }

        public void Append(in CommitAppend append)
        {
            var records = Records(append.Type);
            records.Enqueue((_appended++, append.Record.ToArray()));
            while (records.Count > append.Keep) records.Dequeue();
        }

        public void DropLog() => _log = null;

        public ReadOnlyMemory<byte>[] Read(string? type) =>
            _log is null ? [] : [.. _log.Where(log => type is null || log.Type == type).SelectMany(log => log.Records).OrderBy(record => record.Number).Select(record => (ReadOnlyMemory<byte>)record.Record)];

        private Queue<(long Number, byte[] Record)> Records(string type)
        {
            _log ??= new(1);
            foreach (var (name, records) in _log) if (name == type) return records;
            _log.Add((type, new()));
            return _log[^1].Records;
        }
    }
}
