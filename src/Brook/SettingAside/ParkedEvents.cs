using System.Buffers;
using System.Runtime.CompilerServices;
using Brook.Lanes;

namespace Brook;

/// <summary>What an application does with the rows that lanes have set aside: straight on the store, whoever holds the lane.</summary>
internal sealed class ParkedEvents(BrookEngine engine) : IParkedEvents
{
    public async IAsyncEnumerable<ParkedEvent> ListAsync(string? key, string? lane, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        var rows = await ParkedScan.AllAsync(engine.Store, engine.Options, lane is null ? "" : $"{lane}/", cancellationToken).ConfigureAwait(false);
        await foreach (var row in ParkedScan.ReadAsync(engine.Store, rows.Where(row => key is null || row.Key == key).Select(row => row.RowId), cancellationToken).ConfigureAwait(false)) yield return row;
    }

    public async ValueTask<ParkedEvent?> GetAsync(string rowId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rowId);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        if (ParkedRow.LaneOf(rowId).Length == 0) return null;
        var entry = (await engine.Store.ReadAsync(new[] { ParkedRow.EntryOf(rowId) }, cancellationToken).ConfigureAwait(false))[0];
        return entry.IsMissing ? null : ParkedRow.Read(rowId, in entry);
    }

    public async ValueTask<long> CountAsync(CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await engine.Store.CountAsync(ParkedRow.Collection, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<RetryResult> RetryAsync(string key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await RetryAsync("", row => row.Key == key, null, cancellationToken).ConfigureAwait(false)
            ?? throw new BrookException($"Brook instance '{engine.DisplayName}' has nothing set aside under the key '{Names.Show(key)}': it was applied or skipped meanwhile, or never was. ListAsync shows what there is.");
    }

    public async ValueTask<RetryResult> RetryAllAsync(CancellationToken cancellationToken)
    {
        await engine.StartStoreAsync(cancellationToken).ConfigureAwait(false);
        return await RetryAsync("", _ => true, null, cancellationToken).ConfigureAwait(false) ?? new RetryTally().Result();
    }

    public async ValueTask<RetryResult> RetryRowAsync(string rowId, CancellationToken cancellationToken)
    {
        var row = await FindAsync(rowId, cancellationToken).ConfigureAwait(false);
        return await RetryWithKeyAsync(row, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<RetryResult> SkipAsync(string rowId, CancellationToken cancellationToken)
    {
        var row = await FindAsync(rowId, cancellationToken).ConfigureAwait(false);
        await engine.RetrierOf(ParkedRow.LaneOf(rowId)).ChangeAsync(row, _ => null, cancellationToken).ConfigureAwait(false);
        Log.Skipped(engine.Logger, engine.DisplayName, row.Type, row.Position);
        return await GoOnBehindAsync(row, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<RetryResult> ReleaseAsync(string rowId, CancellationToken cancellationToken)
    {
        var row = await FindAsync(rowId, cancellationToken).ConfigureAwait(false);
        await engine.RetrierOf(ParkedRow.LaneOf(rowId)).ChangeAsync(row, static row => row.Holds is null ? throw new BrookException($"Row '{row.RowId}' holds no key, so there is nothing to release: no event waits behind it.") : row with { IsReleased = true }, cancellationToken).ConfigureAwait(false);
        Log.KeyReleased(engine.Logger, engine.DisplayName, row.Type, row.Position);
        return await GoOnBehindAsync(row, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<RetryResult> ReplaceAsync<T>(string rowId, T data, CancellationToken cancellationToken)
    {
        var row = await FindAsync(rowId, cancellationToken).ConfigureAwait(false);
        return await ReplaceAsync(row, Replacement.ByData(row, data, engine), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<RetryResult> ReplaceRecordAsync(string rowId, ReadOnlyMemory<byte> record, CancellationToken cancellationToken)
    {
        var row = await FindAsync(rowId, cancellationToken).ConfigureAwait(false);
        return await ReplaceAsync(row, Replacement.ByRecord(row, record.ToArray(), engine), cancellationToken).ConfigureAwait(false);
    }

    internal static BrookException NoRow(string rowId, BrookEngine engine)
        => new($"Brook instance '{engine.DisplayName}' has no row '{Names.Show(rowId)}' set aside: it was applied or skipped meanwhile, or never was. ListAsync shows what there is.");

    private async ValueTask<ParkedEvent> FindAsync(string rowId, CancellationToken cancellationToken) => await GetAsync(rowId, cancellationToken).ConfigureAwait(false) ?? throw NoRow(rowId, engine);

    private async ValueTask<RetryResult> ReplaceAsync(ParkedEvent row, ParkedEvent by, CancellationToken cancellationToken)
    {
        await engine.RetrierOf(ParkedRow.LaneOf(row.RowId)).ChangeAsync(row,
            now => now with { Event = by.Event, Type = by.Type, Id = by.Id, Rule = RetryRule.Automatic }, cancellationToken).ConfigureAwait(false);
        Log.Replaced(engine.Logger, engine.DisplayName, by.Type, row.Position);
        return await GoOnBehindAsync(row, cancellationToken, withIt: true).ConfigureAwait(false);
    }

    /// <summary>Goes on with the key, when the row was its first.</summary>
    private async ValueTask<RetryResult> GoOnBehindAsync(ParkedEvent row, CancellationToken cancellationToken, bool withIt = false)
    {
        if (row.Holds is not { } key) return withIt ? await RetryWithKeyAsync(row, cancellationToken).ConfigureAwait(false) : new RetryTally().Result();
        var lane = $"{ParkedRow.LaneOf(row.RowId)}/";
        var others = await ParkedScan.AllAsync(engine.Store, engine.Options, lane, cancellationToken).ConfigureAwait(false);
        if (others.Exists(other => other.Holds == key && string.CompareOrdinal(other.RowId, row.RowId) < 0)) return new RetryTally().Result();
        return await RetryAsync(lane, other => other.Holds == key, row.RowId, cancellationToken).ConfigureAwait(false) ?? new RetryTally().Result();
    }

    private async ValueTask<RetryResult> RetryWithKeyAsync(ParkedEvent row, CancellationToken cancellationToken)
        => await RetryAsync($"{ParkedRow.LaneOf(row.RowId)}/", other => other.RowId == row.RowId || (row.Holds is { } key && other.Holds == key), row.RowId, cancellationToken).ConfigureAwait(false) ?? throw NoRow(row.RowId, engine);

    /// <summary>Tries rows, lane by lane. Null: there are none.</summary>
    private async ValueTask<RetryResult?> RetryAsync(string prefix, Func<HeldRow, bool> isMeant, string? named, CancellationToken cancellationToken)
    {
        var found = (await ParkedScan.InOrderAsync(engine.Store, engine.Options, prefix, cancellationToken).ConfigureAwait(false)).FindAll(new(isMeant));
        if (found.Count == 0) return null;
        var tally = new RetryTally();
        foreach (var lane in found.GroupBy(row => ParkedRow.LaneOf(row.RowId)))
        {
            List<HeldRow> rows = [.. lane];                     // those that join them under their keys meanwhile are tried too
            await engine.RetrierOf(lane.Key).RetryAsync((_, _) => ParkedScan.WithTheirKeysAsync(engine.Store, engine.Options, lane.Key, rows, cancellationToken), named, tally, cancellationToken).ConfigureAwait(false);
        }
        return tally.Result();
    }
}
