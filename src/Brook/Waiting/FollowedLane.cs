using System.Globalization;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// What can be read of a lane that another process has: all of it once, then only what is new. Used by one follower. Its answers are asked for under the lock of the lane's progress, and what
/// they rest on changes there only.
/// </summary>
internal sealed class FollowedLane
{
    private const int AtOnce = 1000;
    private readonly IViewStore _store;
    private readonly LaneProgress _progress;
    private readonly EntryKey[] _self;
    private readonly int _remembered;
    private readonly LaneAnswers _answers;
    private IdRing _messages;
    private Dictionary<(Guid Message, long Offset), string> _rows = [];     // where an event stands that is set aside -> its row
    private LaneState _state;
    private long _version;                                                  // 0: nothing was read yet, or there is nothing

    public FollowedLane(IViewStore store, LaneProgress progress, int rememberedMessages)
    {
        (_store, _progress, _remembered, _self) = (store, progress, rememberedMessages, [new(LaneState.Collection, progress.Lane)]);
        (_messages, _answers) = (NewRing(), new(IsDone, span => At(_rows, span).Any(), () => _state.Epoch));
    }

    /// <summary>The store has something of the lane.</summary>
    public bool IsThere => _version != 0;

    /// <summary>The lane's entry as it is.</summary>
    public async ValueTask<(long Version, LaneState State)> ReadSelfAsync(CancellationToken cancellationToken)
    {
        var self = (await _store.ReadAsync(_self, cancellationToken).ConfigureAwait(false))[0];
        return (self.Version, LaneState.Read(self.Value.Span));
    }

    /// <summary>Reads what is new, and answers who waits for it. False: nothing was.</summary>
    public async ValueTask<bool> LookAsync(CancellationToken cancellationToken)
    {
        var (version, state) = await ReadSelfAsync(cancellationToken).ConfigureAwait(false);
        var changed = version != _version;
        var found = !changed ? new Found()
            : await ReadNewAsync(state, cancellationToken).ConfigureAwait(false) ?? await ReadAllAsync(version, cancellationToken).ConfigureAwait(false);
        var released = await ReleasedAsync(found, cancellationToken).ConfigureAwait(false);
        _progress.Followed(_answers, () =>
        {
            if (found.All is { } all) (_messages, _rows) = (all, []);
            for (var i = 0; i < found.Ids.Length; i++) _messages.Remember(found.Ids[i], state.Messages - found.Ids.Length + i);
            foreach (var (position, row) in found.Rows) _rows[position] = row;
            foreach (var position in released) _rows.Remove(position);
            (_version, _state) = (version, state);
        });
        return changed;
    }

    private bool IsDone(ReceiptSpan span) => span.MessageId == default
        ? span.Last < _state.Next
        : _messages.Contains(span.MessageId) || (span.MessageId == _state.Message && span.Last < _state.Done);

    /// <summary>What was written since the last look; null: that cannot be told, so all must be read.</summary>
    private async ValueTask<Found?> ReadNewAsync(LaneState state, CancellationToken cancellationToken)
    {
        var (messages, rows) = (state.Messages - _state.Messages, state.Parked - _state.Parked);
        if (_version == 0 || state.IsBefore(_state) || messages is < 0 or > AtOnce || messages > _remembered || rows is < 0 or > AtOnce) return null;
        var keys = new List<EntryKey>();
        for (var number = state.Messages - messages; number < state.Messages; number++) keys.Add(_messages.EntryOf(number));
        for (var number = state.Parked - rows; number < state.Parked; number++) keys.Add(new(ParkedRow.Collection, string.Create(CultureInfo.InvariantCulture, $"{_progress.Lane}/{number:D12}")));
        if (keys.Count == 0) return new();
        var entries = await _store.ReadAsync(keys.ToArray(), cancellationToken).ConfigureAwait(false);
        var ids = new Guid[messages];
        for (var i = 0; i < ids.Length; i++)
        {
            if (entries[i].IsMissing) return null;              // a process with another RememberedMessages has the lane: its ids are in other slots
            ids[i] = IdRing.IdOf(in entries[i]);
            if (_messages.Has(ids[i], state.Messages - ids.Length + i)) return null;
        }
        var found = new Found { Ids = ids };
        for (var i = ids.Length; i < entries.Length; i++)
            if (!entries[i].IsMissing) found.Rows[PositionOf(keys[i].Key, entries[i].Value)] = keys[i].Key;
        return found;
    }

    private async ValueTask<Found> ReadAllAsync(long version, CancellationToken cancellationToken)
    {
        var found = new Found { All = NewRing() };
        if (version == 0) return found;
        await found.All.LoadAsync(_store, cancellationToken).ConfigureAwait(false);
        await foreach (var (id, row) in _store.ReadRowsAsync(ParkedRow.Collection, $"{_progress.Lane}/", cancellationToken).ConfigureAwait(false)) found.Rows[PositionOf(id, row)] = id;     // after the ids: whose id is known, its row is
        return found;
    }

    /// <summary>Rows go when somebody works on them: those that somebody is about to be told of are looked at again.</summary>
    private async ValueTask<List<(Guid, long)>> ReleasedAsync(Found found, CancellationToken cancellationToken)
    {
        var released = new List<(Guid, long)>();
        if (_rows.Count == 0 || found.All is not null) return released;
        foreach (var some in _progress.Spans.SelectMany(span => At(_rows, span)).Distinct().Chunk(AtOnce))
        {
            var rows = await _store.ReadAsync(Array.ConvertAll(some, position => new EntryKey(ParkedRow.Collection, _rows[position])), cancellationToken).ConfigureAwait(false);
            released.AddRange(some.Where((_, i) => rows[i].IsMissing));
        }
        return released;
    }

    private static IEnumerable<(Guid, long)> At(Dictionary<(Guid Message, long Offset), string> rows, ReceiptSpan span)
    {
        if (rows.Count == 0) yield break;
        if (span.Last - span.First >= rows.Count)
        {
            foreach (var (message, offset) in rows.Keys)
                if (message == span.MessageId && offset >= span.First && offset <= span.Last) yield return (message, offset);
            yield break;
        }
        for (var offset = span.First; offset <= span.Last; offset++)
            if (rows.ContainsKey((span.MessageId, offset))) yield return (span.MessageId, offset);
    }

    private static (Guid, long) PositionOf(string id, ReadOnlyMemory<byte> row)
    {
        var position = ParkedRow.Read(id, new StoredEntry(1, row)).Position;
        return (position.MessageId, position.Offset);
    }

    private IdRing NewRing() => new($"$applied:{_progress.Lane}", _remembered);

    /// <summary>What a look has found.</summary>
    private sealed class Found
    {
        /// <summary>All ids there are, when all was read.</summary>
        public IdRing? All { get; init; }

        /// <summary>Else the last ones.</summary>
        public Guid[] Ids { get; init; } = [];

        /// <summary>All rows, or the new ones.</summary>
        public Dictionary<(Guid, long), string> Rows { get; } = [];
    }
}
