using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// The guard of a retry: an entry of <c>$parking</c> per lane, which every change of its rows but the lane's own moves. It counts them and the events they have sent, settles lost
/// answers, and tells a lane that waits for room that something has changed. The rows themselves, checked by version, make their events happen once.
/// </summary>
internal sealed class RetryGuard(LaneContext lane) : Guard(lane, new LaneProgress(lane.Engine, lane.Name), Collection)
{
    public const string Collection = "$parking";
    private LaneState _next;

    /// <summary>The entry's version as last read.</summary>
    public long Parking => Version;

    public override bool KnowsParts => false;

    public override async ValueTask OpenAsync(bool claim, CancellationToken cancellationToken) => (Version, State) = await ReadSelfAsync(cancellationToken).ConfigureAwait(false);

    public override ValueTask DropAppliedAsync(CancellationToken cancellationToken) => default;

    public override bool AddTo(LaneState next)
    {
        _next = next with { Epoch = State.Epoch + 1 };
        Put(_next, Version);
        return true;
    }

    /// <summary>
    /// Another process has worked on rows of the lane, or the store went back and has rows again that were released: what was read before may be out of date, so it is read again. Every
    /// release moves this entry, so a row that is missing here stays missing while the entry is as it was.
    /// </summary>
    public override ValueTask<BatchOutcome> ConflictAsync(EntryConflict conflict, CancellationToken cancellationToken)
    {
        (Version, State) = (conflict.Current.Version, LaneState.Read(conflict.Current.Value.Span));
        return new(BatchOutcome.Moved);
    }

    public override void Committed()
    {
        (Version, State) = (Lane.Batch.Commit.Version, _next);
        Lane.Engine.LaneOf(Lane.Name)?.Held.Released(Version, State.Epoch);
        Lane.Parked.Committed();
    }

    public override bool IsDone(ReceiptSpan span) => false;

    /// <summary>One row is changed, or removed, by hand. False: something was not as expected.</summary>
    public async ValueTask<bool> ChangeAsync(CommitEntry row, CancellationToken cancellationToken)
    {
        var next = State with { Epoch = State.Epoch + 1 };
        var value = new System.Buffers.ArrayBufferWriter<byte>();
        next.WriteTo(value);
        var commit = CommitOf(new CommitEntry(Self, EntryAction.Put, Version, value.WrittenMemory));
        commit.Add(in row);
        if (!(await Lane.Store.CommitAsync(commit, cancellationToken).ConfigureAwait(false)).IsCommitted) return false;
        (Version, State, Changed) = (commit.Version, next, commit.Version);
        Lane.Engine.LaneOf(Lane.Name)?.Held.Released(Version, State.Epoch);
        return true;
    }

    /// <summary>The version that the last row changed by hand has now.</summary>
    public long Changed { get; private set; }
}
