using Brook.Storage;

namespace Brook.Tests.Support;

/// <summary>A store over another one, for tests that change one thing about it.</summary>
internal abstract class StoreDecorator(IViewStore inner) : IViewStore, IViewStoreSignals
{
    protected IViewStore Inner => inner;

    public virtual ValueTask StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);
    public virtual ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => inner.ReadAsync(keys, cancellationToken);
    public virtual ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    public virtual ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => inner.CountAsync(collection, cancellationToken);
    public virtual IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => inner.ReadCollectionsAsync(cancellationToken);

    public virtual IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken) => inner.ReadLogAsync(entry, type, cancellationToken);
    public virtual ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken) => inner.CommitAsync(commit, cancellationToken);

    public virtual ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken) => inner is IViewStoreSignals signals ? signals.WatchAsync(entry, changed, cancellationToken) : default;

    /// <summary>The same commit with other entries and appends.</summary>
    protected static Commit Changed(Commit commit, Func<CommitEntry, CommitEntry> entry, Func<CommitAppend, CommitAppend>? append = null)
    {
        var changed = new Commit(commit.Version);
        foreach (var e in commit.Entries) changed.Add(entry(e));
        foreach (var a in commit.Appends) changed.Add(append?.Invoke(a) ?? a);
        return changed;
    }
}
