using Brook.Storage;

namespace Brook.Tests.PropertyTests;

/// <summary>A store where nobody can find out whether a commit landed: what it wrote to <c>$</c> collections is gone when the answer is late, the view is not.</summary>
internal sealed class ForgetfulStore(IViewStore inner) : IViewStore
{
    private int _commits;

    public ValueTask StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);
    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => inner.ReadAsync(keys, cancellationToken);
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => inner.CountAsync(collection, cancellationToken);
    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => inner.ReadCollectionsAsync(cancellationToken);

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken) => inner.ReadLogAsync(entry, type, cancellationToken);

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _commits) % 10 != 0) return await inner.CommitAsync(commit, cancellationToken);
        var onlyTheView = new AblatedStore(inner, entry => entry.Entry.Collection[0] == '$' ? null : entry);
        await onlyTheView.CommitAsync(commit, cancellationToken);
        throw new BrookException("the answer is lost, and so is what would have told") { IsTransient = true };
    }
}
