namespace Brook;

/// <summary>Reading one's own writes: wait for the events of a receipt, then read.</summary>
public static class BrookViewExtensions
{
    /// <summary>The value, when all events of <paramref name="atLeast"/> are in the view or set aside: it is at least as new as they are. Otherwise as <see cref="IBrookView.GetAsync"/>.</summary>
    /// <param name="view">The view.</param>
    /// <param name="collection">The collection.</param>
    /// <param name="key">The key.</param>
    /// <param name="atLeast">What <see cref="IBrook"/> returned, on whatever node.</param>
    /// <param name="timeout">How long to wait at most. Default: 30 seconds.</param>
    /// <param name="cancellationToken">Ends the call with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="TimeoutException">The events were not in the view in time.</exception>
    /// <remarks>An event that was set aside is not waited for: it may stay so for ever, and the view has all that it will have without it. <see cref="IBrookView.WaitForAsync"/> tells it from an applied one.</remarks>
    public static async ValueTask<T?> GetAsync<T>(this IBrookView view, ViewCollection<T> collection, string key, Receipt atLeast, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        await ReachAsync(view, atLeast, timeout, cancellationToken).ConfigureAwait(false);
        return await view.GetAsync(collection, key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether there is an entry, and its value, as <see cref="GetAsync"/> with <paramref name="atLeast"/>.</summary>
    /// <inheritdoc cref="GetAsync" />
    public static async ValueTask<ViewEntry<T>> TryGetAsync<T>(this IBrookView view, ViewCollection<T> collection, string key, Receipt atLeast, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        await ReachAsync(view, atLeast, timeout, cancellationToken).ConfigureAwait(false);
        return await view.TryGetAsync(collection, key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Several entries in one consistent read, as <see cref="GetAsync"/> with <paramref name="atLeast"/>. Keys without an entry are left out.</summary>
    /// <inheritdoc cref="GetAsync" />
    public static async ValueTask<IReadOnlyDictionary<string, T?>> GetManyAsync<T>(this IBrookView view, ViewCollection<T> collection, IEnumerable<string> keys, Receipt atLeast, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        await ReachAsync(view, atLeast, timeout, cancellationToken).ConfigureAwait(false);
        return await view.GetManyAsync(collection, keys, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask ReachAsync(IBrookView view, Receipt atLeast, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(atLeast);
        if (await view.WaitForAsync(atLeast, timeout, cancellationToken).ConfigureAwait(false) == WaitResult.TimedOut)
            throw new TimeoutException($"The view has not reached the events of the receipt in time ({atLeast.Spans.Count} span(s), the first one in lane {atLeast.Spans[0].Lane}). They may still be applied: wait longer, or read without atLeast. If it never ends, look whether this view reads that stream, and whether the lane stands still.");
    }
}
