using System.Runtime.CompilerServices;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>The store as one process sees it: something may happen before each call and after it.</summary>
internal sealed class ChaosStore(IViewStore inner, CallLimit limit) : IViewStore
{
    /// <summary>Told of each call before (false) and after (true) it reaches the store; a commit is given. Null: nothing happens.</summary>
    public Func<Commit?, bool, CancellationToken, ValueTask>? Calling { get; set; }

    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        await CallingAsync(null, false, cancellationToken);
        await inner.StartAsync(cancellationToken);
        await CallingAsync(null, true, cancellationToken);
    }

    public async ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken)
    {
        await CallingAsync(null, false, cancellationToken);
        var entries = await inner.ReadAsync(keys, cancellationToken);
        await CallingAsync(null, true, cancellationToken);
        return entries;
    }

    public async ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken)
    {
        await CallingAsync(null, false, cancellationToken);
        var page = await inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
        await CallingAsync(null, true, cancellationToken);
        return page;
    }

    public async ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken)
    {
        await CallingAsync(null, false, cancellationToken);
        return await inner.CountAsync(collection, cancellationToken);
    }

    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => inner.ReadCollectionsAsync(cancellationToken);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await CallingAsync(null, false, cancellationToken);
        await foreach (var record in inner.ReadLogAsync(entry, type, cancellationToken)) yield return record;
    }

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        await CallingAsync(commit, false, cancellationToken);
        var result = await inner.CommitAsync(commit, cancellationToken);
        await CallingAsync(commit, true, cancellationToken);
        return result;
    }

    private ValueTask CallingAsync(Commit? commit, bool after, CancellationToken cancellationToken)
    {
        limit.Count();
        return Calling?.Invoke(commit, after, cancellationToken) ?? default;
    }
}
