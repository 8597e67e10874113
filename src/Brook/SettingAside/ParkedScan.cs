using System.Runtime.CompilerServices;
using Brook.Storage;

namespace Brook;

/// <summary>Reads rows of <c>$parked</c> without holding more than a page of events at a time.</summary>
internal static class ParkedScan
{
    private const int PageSize = 100;

    /// <summary>All rows whose names begin with this, in order, without their events.</summary>
    public static async ValueTask<List<HeldRow>> AllAsync(IViewStore store, BrookOptions options, string prefix, CancellationToken cancellationToken)
    {
        var rows = new List<HeldRow>();
        string? after = null;
        do
        {
            var page = await store.ReadPageAsync(ParkedRow.Collection, prefix, after, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var (id, entry) in page.Entries) rows.Add(HeldRow.Of(ParkedRow.Read(id, in entry), options));
            after = page.Next;
        }
        while (after is not null);
        rows.Sort(static (one, other) => string.CompareOrdinal(one.RowId, other.RowId));
        return rows;
    }

    /// <summary>
    /// As <see cref="AllAsync"/>, and none without those before it in its lane: pages come in the store's order, so one that is added meanwhile might be seen and an earlier one not.
    /// </summary>
    public static async ValueTask<List<HeldRow>> InOrderAsync(IViewStore store, BrookOptions options, string prefix, CancellationToken cancellationToken)
    {
        var firstNew = new Dictionary<string, string>();
        string? after = null;
        do
        {
            var page = await store.ReadPageAsync(LaneState.Collection, prefix.TrimEnd('/'), after, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (var (lane, entry) in page.Entries) firstNew[lane] = ParkedRow.IdOf(lane, LaneState.Read(entry.Value.Span).Parked);
            after = page.Next;
        }
        while (after is not null);
        var rows = await AllAsync(store, options, prefix, cancellationToken).ConfigureAwait(false);
        return rows.FindAll(row => firstNew.TryGetValue(ParkedRow.LaneOf(row.RowId), out var first) && string.CompareOrdinal(row.RowId, first) < 0);
    }

    /// <summary>Of one lane, as it is now: these rows, and all that hold a key which one of them holds.</summary>
    public static async ValueTask<List<HeldRow>> WithTheirKeysAsync(IViewStore store, BrookOptions options, string lane, IReadOnlyList<HeldRow> rows, CancellationToken cancellationToken)
    {
        var (ids, keys) = (rows.Select(row => row.RowId).ToHashSet(), rows.Select(row => row.Holds).OfType<string>().ToHashSet());
        return (await InOrderAsync(store, options, $"{lane}/", cancellationToken).ConfigureAwait(false)).FindAll(row => row.Holds is { } key ? keys.Contains(key) : ids.Contains(row.RowId));
    }

    /// <summary>These rows as they are now; those that are gone are left out.</summary>
    public static async IAsyncEnumerable<ParkedEvent> ReadAsync(IViewStore store, IEnumerable<string> rows, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var part in rows.Chunk(PageSize))
        {
            var found = await store.ReadAsync(Array.ConvertAll(part, ParkedRow.EntryOf), cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < found.Length; i++)
                if (!found[i].IsMissing) yield return ParkedRow.Read(part[i], in found[i]);
        }
    }
}
