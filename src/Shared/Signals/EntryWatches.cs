using System.Collections.Concurrent;
using Brook.Storage;

namespace Brook.Signals;

/// <summary>Who watches which entry in this process: what a store needs to keep <see cref="IViewStoreSignals"/>. Thread safe; nothing is done while nobody watches.</summary>
internal sealed class EntryWatches
{
    private readonly ConcurrentDictionary<EntryKey, Watch[]> _watches = new();
    private volatile bool _any;

    /// <summary>Somebody watches.</summary>
    public bool Any => _any;

    public IAsyncDisposable Add(EntryKey entry, Action changed)
    {
        var watch = new Watch(this, entry, changed);
        lock (_watches)
        {
            _watches[entry] = [.. _watches.GetValueOrDefault(entry, []), watch];
            _any = true;
        }
        return watch;
    }

    /// <summary>Tells who watches what the commit writes. Called when it can be read.</summary>
    public void Committed(Commit commit)
    {
        if (!_any) return;
        foreach (ref readonly var entry in commit.Entries)
            if (entry.Action != EntryAction.Check) Changed(entry.Entry);
    }

    public void Changed(EntryKey entry)
    {
        foreach (var watch in _watches.GetValueOrDefault(entry, [])) watch.Changed();
    }

    /// <summary>Something may have been missed.</summary>
    public void AllChanged()
    {
        foreach (var entry in _watches.Keys) Changed(entry);
    }

    private void Remove(Watch watch)
    {
        lock (_watches)
        {
            Watch[] left = [.. _watches.GetValueOrDefault(watch.Entry, []).Where(other => other != watch)];
            if (left.Length > 0) _watches[watch.Entry] = left;
            else _watches.TryRemove(watch.Entry, out _);
            _any = !_watches.IsEmpty;
        }
    }

    private sealed class Watch(EntryWatches watches, EntryKey entry, Action changed) : IAsyncDisposable
    {
        public EntryKey Entry => entry;

        public Action Changed => changed;

        public ValueTask DisposeAsync()
        {
            watches.Remove(this);
            return default;
        }
    }
}
