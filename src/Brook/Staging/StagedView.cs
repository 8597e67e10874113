using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// What a batch does to the view: per entry a start and changes over it. The new value is the fold of the second over the first, so a conflict
/// (another start) or a failed event (its changes taken out) is folded again and nothing else is needed. Entries stay after the commit as the
/// lane's cache. Handlers read it as the view they run on.
/// </summary>
internal sealed class StagedView(IViewStore store, IBrookSerializer serializer, IBrookView stored) : IBrookView
{
    private const int CacheLimit = 100_000;
    private readonly Dictionary<EntryKey, StagedEntry> _entries = new(EntryKeyComparer.Instance);
    private readonly List<StagedEntry> _touched = [];
    private readonly List<StagedEntry> _unread = [];

    /// <summary>The handler that reads now; a read that another one did not wait for is nobody's.</summary>
    public HandlerContext? Reader { get; set; }

    /// <summary>Puts a handler's changes over what was staged before; they are folded when somebody needs the value.</summary>
    public void Stage(Batch batch, int index, in Changes changes)
    {
        for (var i = 0; i < changes.Count; i++)
        {
            var change = changes[i];
            switch (change.Kind)
            {
                case ChangeKind.Discard: continue;
                case ChangeKind.Send when batch[index].IsReplay: continue;
                case ChangeKind.Send: batch.Send(index, (BrookEvent)change.Value!); break;
                default: Touch(new EntryKey(change.Collection!, change.Key!), change.Codec!).Stage(index, in change, serializer); break;
            }
            batch[index].Wrote = true;
        }
    }

    /// <summary>One read for all that is needed and not known, then every fold. A merge that throws fails its event; null: all is folded.</summary>
    public async ValueTask<(int Event, Exception Error)?> FoldAsync(CancellationToken cancellationToken)
    {
        _unread.Clear();
        foreach (var entry in _touched) if (entry.NeedsRead) _unread.Add(entry);
        if (_unread.Count > 0) await ReadAsync(_unread, cancellationToken).ConfigureAwait(false);
        foreach (var entry in _touched)
        {
            if (entry.Fold(serializer) is not { } failure) continue;
            if (!entry.FailedOnKept) return failure;
            await ReadAsync([entry], cancellationToken).ConfigureAwait(false);      // somebody else may have written: the event is judged on what is stored
            if (entry.Fold(serializer) is { } still) return still;
        }
        return null;
    }

    /// <summary>Takes back what events <paramref name="from"/>..<paramref name="to"/> staged.</summary>
    public void Unstage(Batch batch, int from, int to)
    {
        foreach (var entry in _touched) entry.Unstage(from, to);
        batch.Unsend(from, to);
        for (var i = from; i <= to; i++) batch[i].Wrote = false;
    }

    /// <summary>Adds what the batch writes and what it must find unchanged. False: a value cannot be serialized, and folding again fails its event.</summary>
    public bool AddTo(Batch batch, DateTimeOffset now)
    {
        foreach (var entry in _touched)
            if (!entry.AddTo(batch, serializer, now)) return false;
        return true;
    }

    /// <summary>Another writer was faster: the entry starts again from what is stored now.</summary>
    public void Refresh(EntryKey key, in StoredEntry current) => _entries[key].Restart(in current, serializer);

    /// <summary>The batch is in the store; its entries are the cache.</summary>
    public void Committed(long version)
    {
        foreach (var entry in _touched) entry.Committed(version, serializer);
        _touched.Clear();
        if (_entries.Count > CacheLimit) _entries.Clear();
    }

    /// <summary>Nothing of the batch is kept, the cache neither: its lane was lost, or stopped half-way.</summary>
    public void Discard()
    {
        _touched.Clear();
        _entries.Clear();
    }

    private async ValueTask ReadAsync(List<StagedEntry> entries, CancellationToken cancellationToken)
    {
        var keys = new EntryKey[entries.Count];
        for (var i = 0; i < keys.Length; i++) keys[i] = entries[i].Key;
        var found = await store.ReadAsync(keys, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < found.Length; i++) entries[i].Start(in found[i], serializer);
    }

    private StagedEntry Touch(EntryKey key, ICollectionCodec codec)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, key, out _);
        entry ??= new StagedEntry(key, codec);
        if (entry.Codec.ValueType != codec.ValueType)
        {
            if (entry.Touched) throw new InvalidOperationException($"Collection '{key.Collection}' is used with values of {entry.Codec.ValueType.Name} and of {codec.ValueType.Name}. Declare one ViewCollection<T> for it and use that.");
            entry = new StagedEntry(key, codec);
        }
        if (!entry.Touched)
        {
            entry.Touched = true;
            _touched.Add(entry);
        }
        return entry;
    }

    // What handlers ask. The batch was folded up to them (see HandlerRunner), so what is staged is known or was never staged.

    public async ValueTask<ViewEntry<T>> TryGetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken)
        => (await FindAsync(collection, [key], cancellationToken).ConfigureAwait(false))[0];

    public async ValueTask<T?> GetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken)
        => (await TryGetAsync(collection, key, cancellationToken).ConfigureAwait(false)).Value;

    public async ValueTask<bool> ExistsAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken)
        => (await TryGetAsync(collection, key, cancellationToken).ConfigureAwait(false)).Exists;

    public async ValueTask<IReadOnlyDictionary<string, T?>> GetManyAsync<T>(ViewCollection<T> collection, IEnumerable<string> keys, CancellationToken cancellationToken)
    {
        var asked = keys.Distinct().ToArray();
        var found = await FindAsync(collection, asked, cancellationToken).ConfigureAwait(false);
        return asked.Zip(found).Where(entry => entry.Second.Exists).ToDictionary(entry => entry.First, entry => entry.Second.Value);
    }

    public async IAsyncEnumerable<KeyValuePair<string, T?>> GetAllAsync<T>(ViewCollection<T> collection, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var staged = StagedIn(collection.Name, prefix);
        await foreach (var entry in stored.GetAllAsync(collection, prefix, cancellationToken).ConfigureAwait(false))
        {
            if (!staged.Remove(entry.Key, out var changed)) yield return entry;
            else if (changed.Exists) yield return new(entry.Key, Copy<T>(changed));
        }
        foreach (var entry in staged.Values) if (entry.Exists) yield return new(entry.Key.Key, Copy<T>(entry));
    }

    /// <summary>A page of what is stored with staged changes over it; entries that are only staged come on the last page.</summary>
    public async ValueTask<ViewPage<T?>> GetPageAsync<T>(ViewCollection<T> collection, int size, string? after, string prefix, CancellationToken cancellationToken)
    {
        var page = await stored.GetPageAsync(collection, size, after, prefix, cancellationToken).ConfigureAwait(false);
        var staged = StagedIn(collection.Name, prefix);
        var entries = new List<KeyValuePair<string, T?>>();
        foreach (var entry in page.Entries)
        {
            if (!staged.Remove(entry.Key, out var changed)) entries.Add(entry);
            else if (changed.Exists) entries.Add(new(entry.Key, Copy<T>(changed)));
        }
        if (page.Next is not null) return new(entries, page.Next);
        foreach (var entry in staged.Values)
            if (entry.Exists && !await stored.ExistsAsync(collection, entry.Key.Key, cancellationToken).ConfigureAwait(false)) entries.Add(new(entry.Key.Key, Copy<T>(entry)));
        return new(entries, null);
    }

    public async ValueTask<long> CountAsync<T>(ViewCollection<T> collection, CancellationToken cancellationToken)
    {
        var count = await stored.CountAsync(collection, cancellationToken).ConfigureAwait(false);
        foreach (var entry in StagedIn(collection.Name, "").Values)
        {
            var was = await stored.ExistsAsync(collection, entry.Key.Key, cancellationToken).ConfigureAwait(false);
            if (entry.Exists && !was) count++;
            else if (!entry.Exists && was) count--;
        }
        return count;
    }

    public ValueTask<IReadOnlyList<BrookEvent>> GetEventsAsync<T>(ViewCollection<T> collection, string key, string? type, CancellationToken cancellationToken)
        => stored.GetEventsAsync(collection, key, type, cancellationToken);

    public ValueTask<WaitResult> WaitForAsync(Receipt receipt, TimeSpan? timeout, CancellationToken cancellationToken)
        => throw new InvalidOperationException("A handler cannot wait for events: they may stand behind its own. Send them with Change.Send and handle the answer as an event.");

    private async ValueTask<ViewEntry<T>[]> FindAsync<T>(ViewCollection<T> collection, string[] keys, CancellationToken cancellationToken)
    {
        var (reader, entries) = (Reader, new StagedEntry[keys.Length]);
        List<StagedEntry>? unknown = null;
        for (var i = 0; i < keys.Length; i++)
        {
            Names.CheckKey(keys[i]);
            entries[i] = Touch(new EntryKey(collection.Name, keys[i]), collection);
            entries[i].MarkRead();
            if (!entries[i].IsKnown) (unknown ??= []).Add(entries[i]);
        }
        if (unknown is not null)
        {
            var found = await store.ReadAsync(unknown.ConvertAll(entry => entry.Key).ToArray(), cancellationToken).ConfigureAwait(false);
            ObjectDisposedException.ThrowIf(Reader != reader, typeof(HandlerContext));
            for (var i = 0; i < found.Length; i++)
                if (!unknown[i].IsKnown) unknown[i].Start(in found[i], serializer);
        }
        foreach (var entry in entries) entry.MarkSeen();
        return Array.ConvertAll(entries, entry => new ViewEntry<T>(entry.Exists, entry.Exists ? Copy<T>(entry) : default));
    }

    private Dictionary<string, StagedEntry> StagedIn(string collection, string prefix)
        => _touched.Where(entry => entry.Key.Collection == collection && entry.Key.Key.StartsWith(prefix, StringComparison.Ordinal) && entry.IsKnown).ToDictionary(entry => entry.Key.Key);

    /// <summary>A handler may do to its copy what it likes; the cache must not notice.</summary>
    private T? Copy<T>(StagedEntry entry) => entry.Copy(serializer) is T copy ? copy : default;
}

/// <summary>Collections are few and mostly the same object; keys decide.</summary>
internal sealed class EntryKeyComparer : IEqualityComparer<EntryKey>
{
    public static readonly EntryKeyComparer Instance = new();

    public bool Equals(EntryKey x, EntryKey y) => x.Key == y.Key && (ReferenceEquals(x.Collection, y.Collection) || x.Collection == y.Collection);

    public int GetHashCode(EntryKey key) => key.Key.GetHashCode() ^ (key.Collection.Length * 397);
}
