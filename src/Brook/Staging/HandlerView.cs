using System.Runtime.CompilerServices;

namespace Brook;

/// <summary>The view as one handler gets it: over when its task has ended, also for one who has kept it.</summary>
internal sealed class HandlerView(IBrookView view) : IBrookView
{
    private volatile bool _over;

    public void End() => _over = true;

    public void ThrowIfOver() => ObjectDisposedException.ThrowIf(_over, typeof(HandlerContext));

    public ValueTask<T?> GetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken) => View.GetAsync(collection, key, cancellationToken);

    public ValueTask<ViewEntry<T>> TryGetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken) => View.TryGetAsync(collection, key, cancellationToken);

    public ValueTask<IReadOnlyDictionary<string, T?>> GetManyAsync<T>(ViewCollection<T> collection, IEnumerable<string> keys, CancellationToken cancellationToken) => View.GetManyAsync(collection, keys, cancellationToken);

    public async IAsyncEnumerable<KeyValuePair<string, T?>> GetAllAsync<T>(ViewCollection<T> collection, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var entry in View.GetAllAsync(collection, prefix, cancellationToken).ConfigureAwait(false))
        {
            ThrowIfOver();
            yield return entry;
        }
    }

    public ValueTask<ViewPage<T?>> GetPageAsync<T>(ViewCollection<T> collection, int size, string? after, string prefix, CancellationToken cancellationToken) => View.GetPageAsync(collection, size, after, prefix, cancellationToken);

    public ValueTask<bool> ExistsAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken) => View.ExistsAsync(collection, key, cancellationToken);

    public ValueTask<long> CountAsync<T>(ViewCollection<T> collection, CancellationToken cancellationToken) => View.CountAsync(collection, cancellationToken);

    public ValueTask<IReadOnlyList<BrookEvent>> GetEventsAsync<T>(ViewCollection<T> collection, string key, string? type, CancellationToken cancellationToken) => View.GetEventsAsync(collection, key, type, cancellationToken);

    public ValueTask<WaitResult> WaitForAsync(Receipt receipt, TimeSpan? timeout, CancellationToken cancellationToken) => View.WaitForAsync(receipt, timeout, cancellationToken);

    private IBrookView View
    {
        get
        {
            ThrowIfOver();
            return view;
        }
    }
}
