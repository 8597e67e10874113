// For those who write a store. Run ViewStoreContract (Brook.Testing) over yours: it tests every sentence below.
namespace Brook.Storage;

/// <summary>
/// Holds one view: versioned entries and, beside an entry, its event log. It knows nothing of events, handlers or transports.
/// Lane positions, applied message ids, parked events and the outbox are ordinary entries of collections beginning with <c>$</c>:
/// a store that commits entries atomically gets all of Brook's guarantees. All members are thread safe. A store keeps no memory it
/// was given after the call's task ends. Failures throw <see cref="BrookException"/>, <see cref="BrookException.IsTransient"/> set
/// when the call may be repeated; a refused commit is not a failure, it is a returned value.
/// </summary>
public interface IViewStore
{
    /// <summary>Called first, and again after it failed: creates what is missing, checks rights and format, and says what is wrong and what to do. Safe to repeat.</summary>
    ValueTask StartAsync(CancellationToken cancellationToken);

    /// <summary>One consistent read of several entries, in the order asked; <c>default</c> for a missing one. No commit is seen in part.</summary>
    ValueTask<StoredEntry[]> ReadAsync(ReadOnlyMemory<EntryKey> keys, CancellationToken cancellationToken);

    /// <summary>Up to <paramref name="size"/> entries whose keys begin with <paramref name="prefix"/>, after the page that gave <paramref name="after"/>.
    /// Over all pages each entry that was there throughout comes exactly once; order is the store's. A page may be short, even empty; only <see cref="ViewPage{T}.Next"/> null ends it.</summary>
    ValueTask<ViewPage<StoredEntry>> ReadPageAsync(string collection, string prefix, string? after, int size, CancellationToken cancellationToken);

    /// <summary>The number of entries; constant time where the store can.</summary>
    ValueTask<long> CountAsync(string collection, CancellationToken cancellationToken);

    /// <summary>The collections that have entries, each once, in the store's order; Brook's own too. It may take long: for maintenance. One that empties meanwhile, or whose entries have all expired, may be among them.</summary>
    IAsyncEnumerable<string> ReadCollectionsAsync(CancellationToken cancellationToken);

    /// <summary>The log of an entry in the order appended, of one type or of all; nothing for a missing entry.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(EntryKey entry, string? type, CancellationToken cancellationToken);

    /// <summary>
    /// All or nothing, isolated from other commits and reads: if every <see cref="CommitEntry.Expected"/> holds, applies the entries, then the
    /// appends, each in order, stamps <see cref="Commit.Version"/> on every written entry and returns <see cref="CommitResult.Committed"/>; else
    /// writes nothing and returns every entry that differs, as it is now. An expired entry is a missing one. When the call throws or is cancelled
    /// the commit has landed whole or not at all; the caller reads one written entry to know.
    /// </summary>
    ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken);
}
