using System.Runtime.CompilerServices;

namespace Brook.Storage;

/// <summary>Reads Brook's own rows, which are numbered.</summary>
internal static class RowReading
{
    /// <summary>The rows in the order of their keys. Pages come in the store's order, so all keys are read before the first row is given.</summary>
    public static async IAsyncEnumerable<(string Id, ReadOnlyMemory<byte> Row)> ReadRowsAsync(this IViewStore store, string collection, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rows = new List<(string Id, ReadOnlyMemory<byte> Row)>();
        string? after = null;
        do
        {
            var page = await store.ReadPageAsync(collection, prefix, after, 500, cancellationToken).ConfigureAwait(false);
            foreach (var (id, entry) in page.Entries) rows.Add((id, entry.Value));
            after = page.Next;
        }
        while (after is not null);
        rows.Sort(static (one, other) => string.CompareOrdinal(one.Id, other.Id));
        foreach (var row in rows) yield return row;
    }
}
