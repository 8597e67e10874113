namespace Brook.Storage;

/// <summary>What can be done with any store.</summary>
public static class ViewStoreExtensions
{
    private const int AtOnce = 500;

    /// <summary>
    /// Deletes every entry of a collection, with its log, some hundred at a time: nobody waits long, and readers see it shrink. Entries that are written meanwhile may stay.
    /// Safe to repeat; to be repeated when it fails or is cancelled. Lanes that have an entry in hand notice at their commit.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="collection">The collection.</param>
    /// <param name="cancellationToken">Ends it half-way.</param>
    /// <exception cref="BrookException">The store fails.</exception>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static async ValueTask ClearAsync(this IViewStore store, string collection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(collection);
        string? after = null;
        do
        {
            var page = await store.ReadPageAsync(collection, "", after, AtOnce, cancellationToken).ConfigureAwait(false);
            after = page.Next;
            if (page.Entries.Count == 0) continue;
            var commit = new Commit(Commit.NewVersion());
            foreach (var (key, _) in page.Entries) commit.Add(new CommitEntry(new(collection, key), EntryAction.Delete, null));
            await store.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
        }
        while (after is not null);
    }
}
