using System.Globalization;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>A lane's rows of <c>$parked</c>: which keys are held, and what the batch adds in its own commit.</summary>
internal sealed class ParkedRows(LaneContext lane)
{
    private HashSet<string> _keys = [];
    private HashSet<(Guid Message, long Offset)> _positions = [];
    private HashSet<Guid> _ids = [];
    private readonly List<int> _staged = [];

    /// <summary>How many events of the batch are set aside.</summary>
    public int Staged => _staged.Count;

    /// <summary>Events of this key wait behind one that was set aside.</summary>
    public bool Holds(string? key) => key is not null && _keys.Contains(key);

    /// <summary>One of these events was set aside.</summary>
    public bool HoldsAny(ReceiptSpan span)
    {
        if (span.Last - span.First >= _positions.Count) return _positions.Any(position => position.Message == span.MessageId && position.Offset >= span.First && position.Offset <= span.Last);
        for (var offset = span.First; offset <= span.Last; offset++)
            if (_positions.Contains((span.MessageId, offset))) return true;
        return false;
    }

    /// <summary>Finds the batch's events to be set aside; they are written with all the rest.</summary>
    public void Stage()
    {
        _staged.Clear();
        for (var i = 0; i < lane.Batch.Count; i++)
            if (lane.Batch[i].IsSetAside) _staged.Add(i);
    }

    /// <summary>Adds the rows, numbered from <paramref name="number"/> on.</summary>
    public void AddTo(long number)
    {
        var batch = lane.Batch;
        foreach (var i in _staged)
        {
            var record = RecordOf(i);
            batch.Arena.Begin();
            ParkedRow.Write(batch.Arena, in batch[i], in batch.Raw.Span[i], record.Span, lane.Time.GetUtcNow());
            batch.Commit.Add(new CommitEntry(new(ParkedRow.Collection, RowId(number++)), EntryAction.Put, null, batch.Arena.End()));
        }
    }

    /// <summary>The rows are in the store.</summary>
    public void Committed()
    {
        foreach (var i in _staged)
        {
            var (item, position) = (lane.Batch[i], lane.Batch.Raw.Span[i].Position);
            _positions.Add((position.MessageId, position.Offset));
            if (item.Key is { } key) _keys.Add(key);
            if (lane.Batch.Raw.Span[i].HasCallersId) _ids.Add(lane.Batch.Raw.Span[i].Id);
            if (item.Outcome == Outcome.Failed) Log.SetAside(lane.Logger, lane.Engine.DisplayName, Names.Show(lane.Batch.Raw.Span[i].Type), position, item.Attempts, item.Error);
        }
        for (var i = 0; _ids.Count > 0 && i < lane.Batch.Count; i++)
        {
            ref readonly var raw = ref lane.Batch.Raw.Span[i];
            if (lane.Batch[i].Outcome == Outcome.Duplicate && _ids.Contains(raw.Id)) _positions.Add((raw.Position.MessageId, raw.Position.Offset));      // sent again: it is set aside still
        }
    }

    public async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        var (keys, positions, ids) = (new HashSet<string>(), new HashSet<(Guid, long)>(), new HashSet<Guid>());       // others may ask what is held meanwhile
        await foreach (var (id, row) in lane.Store.ReadRowsAsync(ParkedRow.Collection, $"{lane.Name}/", cancellationToken).ConfigureAwait(false))
        {
            var parked = ParkedRow.Read(id, row.Span);
            positions.Add((parked.Position.MessageId, parked.Position.Offset));
            if (parked.Key is { } key) keys.Add(key);
            if (parked.Id != default) ids.Add(parked.Id);
        }
        (_keys, _positions, _ids) = (keys, positions, ids);
    }

    private string RowId(long number) => string.Create(CultureInfo.InvariantCulture, $"{lane.Name}/{number:D12}");

    private ReadOnlyMemory<byte> RecordOf(int index)
    {
        ref readonly var raw = ref lane.Batch.Raw.Span[index];
        if (!raw.Record.IsEmpty || lane.Batch[index].Event is not { } e) return raw.Record;
        try { return EventWriter.RecordOf(e, lane.Engine.Serializer); }
        catch (Exception) { return default; }                   // its row says why it failed, and where it stood
    }
}
