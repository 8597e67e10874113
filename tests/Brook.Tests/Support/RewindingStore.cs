using Brook.Storage;

namespace Brook.Tests.Support;

/// <summary>A store that can go back to a moment, as a server does whose disk lacks the end: versions are those of then.</summary>
internal sealed class RewindingStore : StoreDecorator
{
    private readonly InMemoryViewStore _then = new();
    private bool _isMarked, _isBack;

    public RewindingStore() : base(new InMemoryViewStore()) { }

    private IViewStore Now => _isBack ? _then : Inner;

    /// <summary>What is committed from now on is forgotten by <see cref="GoBack"/>.</summary>
    public void Mark() => _isMarked = true;

    public void GoBack() => _isBack = true;

    public override ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => Now.ReadAsync(keys, cancellationToken);
    public override ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => Now.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    public override ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => Now.CountAsync(collection, cancellationToken);

    public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        var result = await Now.CommitAsync(commit, cancellationToken);
        if (!_isMarked && !_isBack && result.IsCommitted) await _then.CommitAsync(commit, cancellationToken);
        return result;
    }
}
