using System.Runtime.CompilerServices;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>Queries: the store's bytes as values. Nothing staged is ever seen here.</summary>
internal sealed class BrookView(IViewStore store, BrookEngine engine) : IBrookView
{
    private const int PageSize = 500;
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(30);

    public async ValueTask<T?> GetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken)
        => (await TryGetAsync(collection, key, cancellationToken).ConfigureAwait(false)).Value;

    public async ValueTask<ViewEntry<T>> TryGetAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collection);
        Names.CheckKey(key);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        var entry = (await store.ReadAsync(new EntryKey[] { new(collection.Name, key) }, cancellationToken).ConfigureAwait(false))[0];
        return new(!entry.IsMissing, Read<T>(entry));
    }

    public async ValueTask<IReadOnlyDictionary<string, T?>> GetManyAsync<T>(ViewCollection<T> collection, IEnumerable<string> keys, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collection);
        ArgumentNullException.ThrowIfNull(keys);
        var asked = keys.Distinct().ToArray();
        foreach (var key in asked) Names.CheckKey(key);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        var found = await store.ReadAsync(Array.ConvertAll(asked, key => new EntryKey(collection.Name, key)), cancellationToken).ConfigureAwait(false);
        return asked.Zip(found).Where(entry => !entry.Second.IsMissing).ToDictionary(entry => entry.First, entry => Read<T>(entry.Second));
    }

    public async IAsyncEnumerable<KeyValuePair<string, T?>> GetAllAsync<T>(ViewCollection<T> collection, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        do
        {
            var page = await GetPageAsync(collection, PageSize, after, prefix, cancellationToken).ConfigureAwait(false);
            foreach (var entry in page.Entries) yield return entry;
            after = page.Next;
        }
        while (after is not null);
    }

    public async ValueTask<ViewPage<T?>> GetPageAsync<T>(ViewCollection<T> collection, int size, string? after, string prefix, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collection);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentNullException.ThrowIfNull(prefix);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        var page = await store.ReadPageAsync(collection.Name, prefix, after, size, cancellationToken).ConfigureAwait(false);
        return new([.. page.Entries.Select(entry => KeyValuePair.Create(entry.Key, Read<T>(entry.Value)))], page.Next);
    }

    public async ValueTask<bool> ExistsAsync<T>(ViewCollection<T> collection, string key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collection);
        Names.CheckKey(key);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return !(await store.ReadAsync(new EntryKey[] { new(collection.Name, key) }, cancellationToken).ConfigureAwait(false))[0].IsMissing;
    }

    public async ValueTask<long> CountAsync<T>(ViewCollection<T> collection, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collection);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await store.CountAsync(collection.Name, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<IReadOnlyList<BrookEvent>> GetEventsAsync<T>(ViewCollection<T> collection, string key, string? type, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collection);
        Names.CheckKey(key);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        var events = new List<BrookEvent>();
        await foreach (var record in store.ReadLogAsync(new(collection.Name, key), type, cancellationToken).ConfigureAwait(false))
            events.Add(engine.Types.Decode(record, engine.Serializer));
        return events;
    }

    public async ValueTask<WaitResult> WaitForAsync(Receipt receipt, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(receipt);
        using var expiry = new CancellationTokenSource(timeout ?? DefaultWait, engine.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, expiry.Token);
        try
        {
            var answers = await Task.WhenAll(receipt.Spans.GroupBy(span => span.Lane).Select(lane => engine.WaitAsync(lane, either.Token))).ConfigureAwait(false);
            return answers.Contains(WaitResult.SetAside) ? WaitResult.SetAside : WaitResult.Applied;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return WaitResult.TimedOut;
        }
    }

    private T? Read<T>(StoredEntry entry) => entry.IsMissing ? default : engine.Serializer.Read<T>(entry.Value.Span);
}
