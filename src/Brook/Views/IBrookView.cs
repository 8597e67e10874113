namespace Brook;

/// <summary>
/// Reads what committed events made. Thread safe. Never shows a half-applied event in one read. Every call may throw a <see cref="BrookException"/> when
/// the store fails, and <see cref="System.Text.Json.JsonException"/> when a stored value is not a <c>T</c>. Follows Brook's <c>Brook.get</c>, <c>get_all</c> and <c>get_events</c>.
/// </summary>
public interface IBrookView
{
    /// <summary>The value, or null (a struct's default) when nothing or a null is stored; <see cref="TryGetAsync"/> tells the two apart.</summary>
    ValueTask<T?> GetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken = default);

    /// <summary>Whether there is an entry, and its value.</summary>
    ValueTask<ViewEntry<T>> TryGetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken = default);

    /// <summary>Several entries in one consistent read. Keys without an entry are left out.</summary>
    ValueTask<IReadOnlyDictionary<string, T?>> GetManyAsync<T>(ViewCollection<T> collection, IEnumerable<string> keys, CancellationToken cancellationToken = default);

    /// <summary>Streams the entries whose keys begin with <paramref name="prefix"/> with flat memory; what is written meanwhile may or may not be seen. <c>ToDictionaryAsync()</c> gives a dictionary.</summary>
    IAsyncEnumerable<KeyValuePair<string, T?>> GetAllAsync<T>(ViewCollection<T> collection, string prefix = "", CancellationToken cancellationToken = default);

    /// <summary>One page of at most <paramref name="size"/> entries (at least 1); pass the page's <see cref="ViewPage{T}.Next"/> as <paramref name="after"/> for the following one.</summary>
    ValueTask<ViewPage<T?>> GetPageAsync<T>(ViewCollection<T> collection, int size, string? after = null, string prefix = "", CancellationToken cancellationToken = default);

    /// <summary>Whether there is an entry; a stored null is one.</summary>
    ValueTask<bool> ExistsAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken = default);

    /// <summary>The number of entries.</summary>
    ValueTask<long> CountAsync<T>(ViewCollection<T> collection, CancellationToken cancellationToken = default);

    /// <summary>The logged events that made the value, oldest first: at most <see cref="BrookOptions.LogLimit"/> of each type, of one <paramref name="type"/> or of all.</summary>
    ValueTask<IReadOnlyList<BrookEvent>> GetEventsAsync<T>(ViewCollection<T> collection, string key, string? type = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits until the sent events are applied in this view, or one of them was set aside, on any node that has the view: woken by the commit, whichever process made it
    /// (<see cref="Storage.IViewStoreSignals"/>). A failing event of another caller in the same message does not count. Events of a stream that this view is not made of, or whose message ids were
    /// forgotten (<see cref="BrookOptions.RememberedMessages"/>), time out.
    /// </summary>
    /// <param name="receipt">What <see cref="IBrook"/> returned, on whatever node.</param>
    /// <param name="timeout">How long at most. Default: 30 seconds.</param>
    /// <param name="cancellationToken">Ends the wait with <see cref="OperationCanceledException"/>.</param>
    ValueTask<WaitResult> WaitForAsync(Receipt receipt, TimeSpan? timeout = null, CancellationToken cancellationToken = default);
}

/// <summary>An entry that may not be there.</summary>
/// <param name="Exists">False: there is none.</param>
/// <param name="Value">The value; null may be a stored null.</param>
public readonly record struct ViewEntry<T>(bool Exists, T? Value);

/// <summary>A page of a collection.</summary>
/// <param name="Entries">Keys and values, in the store's order.</param>
/// <param name="Next">What to pass for the following page; null on the last one.</param>
public sealed record ViewPage<T>(IReadOnlyList<KeyValuePair<string, T>> Entries, string? Next);

/// <summary>What became of the events of a receipt.</summary>
public enum WaitResult
{
    /// <summary>All are in the view (or were discarded by their handlers, or known already).</summary>
    Applied,

    /// <summary>At least one was set aside: its handler failed, or it stands behind a failed one of its key. See <see cref="IParkedEvents"/>.</summary>
    SetAside,

    /// <summary>The time was over first; the events may still be applied.</summary>
    TimedOut,
}
