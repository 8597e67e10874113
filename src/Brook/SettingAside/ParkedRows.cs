using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// A lane's rows of <c>$parked</c>: which keys are held, and what the batch adds in its own commit. An event that is put behind a row goes in only while that row is
/// there: either it joins the rows, and whoever releases the key finds it, or the key was released first, and it is handled.
/// </summary>
internal sealed class ParkedRows(LaneContext lane) : ISetAside
{
    private const int ReadAtOnce = 100;
    private readonly List<int> _staged = [];
    private readonly Dictionary<string, HeldRow> _leant = [];   // key -> the row that events of the batch were put behind
    private readonly List<HeldRow> _added = [];
    private bool _gone;

    private EntryKey Parking { get; } = new(RetryGuard.Collection, lane.Name);

    /// <summary>What is known of them.</summary>
    public HeldRows Held { get; } = new();

    public int Staged => _staged.Count;

    /// <summary>There is no room for what the batch sets aside.</summary>
    public bool IsFull => _staged.Count > 0 && Held.Count >= lane.Options.MaxParkedEvents;

    /// <summary>The first event of the batch that is to be set aside.</summary>
    public int FirstStaged => _staged[0];

    public bool Holds(string? key)
    {
        if (!Held.TryLastOf(key, out var last)) return false;
        _leant[key!] = last;
        return true;
    }

    public void Stage()
    {
        _staged.Clear();
        for (var i = 0; i < lane.Batch.Count; i++)
            if (lane.Batch[i].IsSetAside) _staged.Add(i);
    }

    public void AddTo(long number)
    {
        if (Held.ReleasedAt is { } released) lane.Batch.Commit.Add(new CommitEntry(Parking, EntryAction.Check, released));
        if (_staged.Count == 0) return;
        var batch = lane.Batch;
        _added.Clear();
        foreach (var i in _staged)
        {
            var row = ParkedRow.Of(ParkedRow.IdOf(lane.Name, number++), in batch[i], in batch.Raw.Span[i], RecordOf(i), lane.Time.GetUtcNow()) with { Version = batch.Commit.Version };
            batch.Arena.Begin();
            ParkedRow.Write(batch.Arena, row);
            batch.Commit.Add(new CommitEntry(ParkedRow.EntryOf(row.RowId), EntryAction.Put, null, batch.Arena.End()));
            _added.Add(HeldRow.Of(row, lane.Options));
        }
        foreach (var key in _staged.Where(i => lane.Batch[i].Outcome == Outcome.Behind).Select(i => lane.Batch[i].Key!).Distinct())
            if (_leant.TryGetValue(key, out var row)) batch.Commit.Add(new CommitEntry(ParkedRow.EntryOf(row.RowId), EntryAction.Check, row.Version));
    }

    public async ValueTask<BatchOutcome> ConflictAsync(EntryKey row, StoredEntry current, CancellationToken cancellationToken)
    {
        if (row == Parking)
        {
            if (!Held.Moved(current.Version, LaneState.Read(current.Value.Span).Epoch)) await LoadAsync(cancellationToken).ConfigureAwait(false);      // else others have released more
            return BatchOutcome.Committed;
        }
        var (key, _) = _leant.First(leant => leant.Value.RowId == row.Key);
        _leant.Remove(key);
        _gone |= await LookAgainAsync(lane.Store, Held.RowsOf(key), cancellationToken).ConfigureAwait(false);
        return BatchOutcome.Committed;
    }

    /// <summary>Rows were found gone since this was last asked.</summary>
    public bool TakeGone()
    {
        var gone = _gone;
        _gone = false;
        return gone;
    }

    public void Committed()
    {
        _leant.Clear();
        for (var i = 0; i < _staged.Count; i++)
        {
            Held.Set(_added[i]);
            var item = lane.Batch[_staged[i]];
            if (item.Outcome == Outcome.Failed) Log.SetAside(lane.Logger, lane.Engine.DisplayName, Names.Show(lane.Batch.Raw.Span[_staged[i]].Type), _added[i].Position, item.Attempts, item.Error);
        }
        if (Held.Count == 0) return;
        for (var i = 0; i < lane.Batch.Count; i++)
        {
            ref readonly var raw = ref lane.Batch.Raw.Span[i];
            if (lane.Batch[i].Outcome == Outcome.Duplicate && raw.HasCallersId) Held.CameAgain(raw.Id, raw.Position);
        }
    }

    /// <summary>Reads all of them.</summary>
    /// <param name="cancellationToken">The host stops.</param>
    /// <param name="claimed">The lane was claimed just now: a store that forgets what was released before that has forgotten the claim as well.</param>
    public async ValueTask LoadAsync(CancellationToken cancellationToken, bool claimed = false)
    {
        var parking = claimed ? default : (await lane.Store.ReadAsync(new[] { Parking }, cancellationToken).ConfigureAwait(false))[0];       // before the rows
        var rows = await ParkedScan.AllAsync(lane.Store, lane.Options, $"{lane.Name}/", cancellationToken).ConfigureAwait(false);
        if (!parking.IsMissing) Held.Moved(parking.Version, LaneState.Read(parking.Value.Span).Epoch);
        Held.Replace(rows);
    }

    /// <summary>Reads these rows: another process may have worked on them. True: some are gone.</summary>
    public async ValueTask<bool> LookAgainAsync(IViewStore store, List<string> rows, CancellationToken cancellationToken)
    {
        var gone = false;
        foreach (var part in rows.Chunk(ReadAtOnce))
        {
            var found = await store.ReadAsync((EntryKey[])[.. part.Select(ParkedRow.EntryOf), Parking], cancellationToken).ConfigureAwait(false);
            if (found.Take(part.Length).Any(entry => entry.IsMissing)) Held.Released(found[^1].Version, LaneState.Read(found[^1].Value.Span).Epoch);
            for (var i = 0; i < part.Length; i++) gone |= !Saw(part[i], in found[i]);
        }
        return gone;
    }

    /// <summary>A row was read. False: it is gone.</summary>
    private bool Saw(string rowId, in StoredEntry entry)
    {
        if (entry.IsMissing) Held.Remove(rowId);
        else if (entry.Version != Held.VersionOf(rowId)) Held.Set(HeldRow.Of(ParkedRow.Read(rowId, in entry), lane.Options));
        return !entry.IsMissing;
    }

    private ReadOnlyMemory<byte> RecordOf(int index)
    {
        ref readonly var raw = ref lane.Batch.Raw.Span[index];
        if (!raw.Record.IsEmpty || lane.Batch[index].Event is not { } e) return raw.Record;
        try { return EventWriter.RecordOf(e, lane.Engine.Serializer); }
        catch (Exception) { return default; }                   // its row says why it failed, and where it stood
    }
}
