namespace Brook.Storage;

/// <summary>
/// What a store may implement beside <see cref="IViewStore"/>: it tells when an entry was written, by whatever process. <see cref="IBrookView.WaitForAsync"/> is woken by it on nodes that do not
/// have the lane; over a store without it the lane's entry is read again and again. Brook watches entries of <c>$lanes</c> only, and only while somebody waits.
/// </summary>
public interface IViewStoreSignals
{
    /// <summary>
    /// From the end of this call on <paramref name="changed"/> is called after every commit that writes or removes the entry, once or more; one call may stand for several commits that came close
    /// together. Who reads the entry then sees the commit. It is called too when one may have been missed (a connection was lost). A call that still gets lost is made up for: Brook looks once a second.
    /// </summary>
    /// <param name="entry">The entry; it need not be there yet.</param>
    /// <param name="changed">Quick, thread safe, does not throw. Not called under a lock of the store. It may be called once more after the end.</param>
    /// <param name="cancellationToken">Ends the call; nothing is watched then.</param>
    /// <returns>Ends it when disposed of; null: here this cannot be told (a right is missing, a pooler stands between), and the entry is to be read again and again.</returns>
    /// <exception cref="BrookException">It fails; the entry is read again and again until a later call succeeds.</exception>
    ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken);
}
