using Brook.Storage;

namespace Brook.Tests.PropertyTests;

/// <summary>A store that takes one guard away: each entry of a commit may be changed or left out, or the whole commit faked.</summary>
internal sealed class AblatedStore(IViewStore inner, Func<CommitEntry, CommitEntry?> each, Func<bool>? pretend = null) : IViewStore
{
    public ValueTask StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);
    public ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken) => inner.ReadAsync(keys, cancellationToken);
    public ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken) => inner.ReadPageAsync(collection, prefix, after, size, cancellationToken);
    public ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken) => inner.CountAsync(collection, cancellationToken);
    public IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken) => inner.ReadCollectionsAsync(cancellationToken);

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken) => inner.ReadLogAsync(entry, type, cancellationToken);

    public async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        if (pretend?.Invoke() == true) return CommitResult.Committed;
        var (changed, places) = (new Commit(commit.Version), new Dictionary<int, int>());
        for (var i = 0; i < commit.Entries.Length; i++)
            if (each(commit.Entries[i]) is { } entry) places[i] = changed.Add(in entry);
        foreach (var append in commit.Appends.ToArray())
            if (places.TryGetValue(append.Index, out var place)) changed.Add(append with { Index = place });
        var result = await inner.CommitAsync(changed, cancellationToken);
        if (result.IsCommitted) return result;
        var back = places.ToDictionary(pair => pair.Value, pair => pair.Key);
        return CommitResult.Conflict([.. result.Conflicts.Select(conflict => conflict with { Index = back[conflict.Index] })]);
    }
}
