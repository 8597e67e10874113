using System.Buffers;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// The guard of a lane with one owner at a time. Every commit compares and moves the lane's entry, so whoever held it before is fenced. Known are the
/// offsets below the next one, or the ids of the last messages; and in both cases the last event ids that callers set.
/// </summary>
internal sealed class OwnedGuard(LaneContext lane, ParkedRows parked, LaneProgress progress, LaneSource? source) : Guard(lane, progress)
{
    private readonly bool _countsOffsets = source is not null;
    private readonly IdRing _messages = new($"$applied:{lane.Name}", lane.Options.RememberedMessages);
    private readonly IdRing _events = new($"$events:{lane.Name}", lane.Options.RememberedEvents);
    private readonly List<Guid> _newMessages = [], _newEvents = [];
    private readonly HashSet<Guid> _inBatch = [];
    private LaneState _next;
    private bool _writes;

    public override bool KnowsParts => true;

    public override bool CountsOffsets => _countsOffsets;

    public override async ValueTask OpenAsync(bool claim, CancellationToken cancellationToken)
    {
        var (version, state) = await ReadSelfAsync(cancellationToken).ConfigureAwait(false);
        if (claim) (version, state) = await ClaimAsync(version, state, cancellationToken).ConfigureAwait(false);
        else if (state.Epoch != State.Epoch) return;            // another owner has it: with what is known here, the next commit is fenced
        await parked.LoadAsync(cancellationToken, claimed: claim).ConfigureAwait(false);         // first: whose id is known, its row is
        if (!_countsOffsets) await _messages.LoadAsync(Lane.Store, cancellationToken).ConfigureAwait(false);
        await _events.LoadAsync(Lane.Store, cancellationToken).ConfigureAwait(false);
        Progress.Advance((Guard: this, version, state), static seen => (seen.Guard.Version, seen.Guard.State) = (seen.version, seen.state));
    }

    public override ValueTask DropAppliedAsync(CancellationToken cancellationToken)
    {
        DropCopies();
        _inBatch.Clear();
        var batch = Lane.Batch;
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var raw = ref batch.Raw.Span[i];
            if (batch[i].Outcome == Outcome.Duplicate) continue;
            if (IsKnown(raw.Position) || (raw.HasCallersId && (_events.Contains(raw.Id) || !_inBatch.Add(raw.Id)))) Drop(i);
        }
        return default;
    }

    public override bool AddTo(LaneState next)
    {
        _newMessages.Clear();
        _newEvents.Clear();
        Messages.Clear();
        var batch = Lane.Batch;
        var last = default(Guid);
        var open = false;                                   // something is new
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var raw = ref batch.Raw.Span[i];
            if (_countsOffsets) next = next with { Next = Math.Max(next.Next, raw.Position.Offset + 1) };
            else if (raw.Position.MessageId != last)
            {
                last = raw.Position.MessageId;
                if (last != batch.CutMessage && !_messages.Contains(last) && Messages.Add(last)) _newMessages.Add(last);
            }
            if (!_countsOffsets && last == batch.CutMessage && !_messages.Contains(last)) next = next with { Message = last, Done = Math.Max(raw.Position.Offset + 1, next.Message == last ? next.Done : 0) };
            if (batch[i].Outcome != Outcome.Duplicate && raw.HasCallersId) _newEvents.Add(raw.Id);
            open |= batch[i].Outcome != Outcome.Duplicate;
        }
        if (batch.CutMessage == default && _newMessages.Contains(next.Message)) next = next with { Message = default, Done = 0 };
        _writes = open || _newMessages.Count > 0 || next != State;
        if (!_writes)                                       // all is known; but does the store still have it?
        {
            batch.Commit.Add(new CommitEntry(Self, EntryAction.Check, Version));
            return true;
        }
        _next = next with { Messages = next.Messages + _newMessages.Count, Events = next.Events + _newEvents.Count };
        Put(_next, Version);
        _messages.AddTo(batch, _newMessages, State.Messages);
        _events.AddTo(batch, _newEvents, State.Events);
        return true;
    }

    public override async ValueTask<BatchOutcome> ConflictAsync(EntryConflict conflict, CancellationToken cancellationToken)
    {
        var (mine, there) = (State, LaneState.Read(conflict.Current.Value.Span));
        var wentBack = there.IsBefore(mine);
        if (wentBack) Log.StoreWentBack(Lane.Logger, Lane.Name, mine.Behind(there));
        if (there.Epoch != mine.Epoch) return BatchOutcome.Fenced;
        await OpenAsync(claim: false, cancellationToken).ConfigureAwait(false);     // somebody worked on the lane's rows, or moved it
        return wentBack || (_countsOffsets && State.Next != mine.Next) ? BatchOutcome.Moved : BatchOutcome.Committed;
    }

    public override void Committed() => Progress.Advance(this, static guard =>
    {
        for (var i = 0; i < guard._newMessages.Count; i++) guard._messages.Remember(guard._newMessages[i], guard.State.Messages + i);
        for (var i = 0; i < guard._newEvents.Count; i++) guard._events.Remember(guard._newEvents[i], guard.State.Events + i);
        if (guard._writes) (guard.Version, guard.State) = (guard.Lane.Batch.Commit.Version, guard._next);
        guard.Lane.Parked.Committed();
    });

    /// <summary>Moves the position alone.</summary>
    public async ValueTask<BatchOutcome> AdvanceAsync(long next, CancellationToken cancellationToken)
    {
        var state = State with { Next = next };
        var value = new ArrayBufferWriter<byte>();
        state.WriteTo(value);
        var commit = CommitOf(new CommitEntry(Self, EntryAction.Put, Version, value.WrittenMemory));
        var result = await Lane.Store.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
        if (!result.IsCommitted) return await ConflictAsync(result.Conflicts[0], cancellationToken).ConfigureAwait(false);
        Progress.Advance((Guard: this, commit.Version, state), static moved => (moved.Guard.Version, moved.Guard.State) = (moved.Version, moved.state));
        return BatchOutcome.Committed;
    }

    public override bool IsDone(ReceiptSpan span) => _countsOffsets
        ? span.Last < State.Next
        : _messages.Contains(span.MessageId) || (span.MessageId == State.Message && span.Last < State.Done);

    private async ValueTask<(long Version, LaneState State)> ClaimAsync(long version, LaneState state, CancellationToken cancellationToken)
    {
        while (true)
        {
            var claimed = state with { Epoch = state.Epoch + 1 };
            if (source is not null) claimed = await PlacedAsync(claimed, isNew: version == 0 || (state.Source is null && state.Next == 0), cancellationToken).ConfigureAwait(false);
            var value = new ArrayBufferWriter<byte>();
            claimed.WriteTo(value);
            var commit = CommitOf(new CommitEntry(Self, EntryAction.Put, version, value.WrittenMemory));
            var result = await Lane.Store.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
            if (result.IsCommitted) return (commit.Version, claimed);
            (version, state) = (result.Conflicts[0].Current.Version, LaneState.Read(result.Conflicts[0].Current.Value.Span));
        }
    }

    /// <summary>A new lane begins where its source says; one that is known goes on, if it is the same source.</summary>
    private async ValueTask<LaneState> PlacedAsync(LaneState state, bool isNew, CancellationToken cancellationToken)
    {
        if (state.Source is { Length: > 0 } known && source!.Id is { } id && known != id)
            throw new SourceChangedException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Lane {Lane.Name} was read up to offset {state.Next:N0} of source {known}, and now there is another one of its name ({id}): its offsets mean other events. Give the new one a view of its own (another instance name or store), or, to read it from its beginning into this view, set next to 0 and remove source in the entry '{Lane.Name}' of '{LaneState.Collection}'; do not delete the entry, which counts what was set aside as well."));
        return state with { Source = source!.Id ?? state.Source ?? (source == LaneSource.FromZero ? null : ""), Next = isNew ? await source.FirstOffset(cancellationToken).ConfigureAwait(false) : state.Next };
    }

    private bool IsKnown(EventPosition position) => _countsOffsets
        ? position.Offset < State.Next
        : _messages.Contains(position.MessageId) || (position.MessageId == State.Message && position.Offset < State.Done);
}
