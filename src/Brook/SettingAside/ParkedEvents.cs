using System.Runtime.CompilerServices;
using Brook.Lanes;

namespace Brook;

/// <summary>Lists the rows that lanes have set aside.</summary>
internal sealed class ParkedEvents(BrookEngine engine) : IParkedEvents
{
    public async IAsyncEnumerable<ParkedEvent> ListAsync(string? key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        string? after = null;
        do
        {
            var page = await engine.Store.ReadPageAsync(ParkedRow.Collection, "", after, 200, cancellationToken).ConfigureAwait(false);
            foreach (var (id, entry) in page.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                if (ParkedRow.Read(id, entry.Value.Span) is var row && (key is null || row.Key == key)) yield return row;
            after = page.Next;
        }
        while (after is not null);
    }

    public async ValueTask<long> CountAsync(CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await engine.Store.CountAsync(ParkedRow.Collection, cancellationToken).ConfigureAwait(false);
    }
}
