using System.Runtime.CompilerServices;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>Lists the rows that lanes have set aside.</summary>
internal sealed class ParkedEvents(BrookEngine engine) : IParkedEvents
{
    public async IAsyncEnumerable<ParkedEvent> ListAsync(string? key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var (id, row) in engine.Store.ReadRowsAsync(ParkedRow.Collection, "", cancellationToken).ConfigureAwait(false))
            if (ParkedRow.Read(id, row.Span) is var parked && (key is null || parked.Key == key)) yield return parked;
    }

    public async ValueTask<long> CountAsync(CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await engine.Store.CountAsync(ParkedRow.Collection, cancellationToken).ConfigureAwait(false);
    }
}
