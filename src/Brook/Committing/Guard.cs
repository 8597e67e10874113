using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>What makes an event of a lane happen once: entries of <c>$</c> collections that are compared and written in the batch's own commit. Its first entry is a write, so that a lost answer can be settled; a commit that writes nothing may be made again.</summary>
internal abstract class Guard(LaneContext lane, LaneProgress progress, string collection = LaneState.Collection)
{
    protected LaneContext Lane { get; } = lane;
    protected LaneProgress Progress { get; } = progress;
    protected EntryKey Self { get; } = new(collection, lane.Name);
    protected long Version { get; set; }
    protected HashSet<Guid> Messages { get; } = [];

    /// <summary>Whether a message may be committed in parts: how far it is done is remembered.</summary>
    public abstract bool KnowsParts { get; }

    /// <summary>Whether the transport can go on from another offset; else it brings only what was not acknowledged.</summary>
    public virtual bool CountsOffsets => false;

    /// <summary>The lane's entry as last seen.</summary>
    public LaneState State { get; protected set; }

    /// <summary>Reads what the lane knows, its parked rows too, and wakes who waited for that; claims it where it has one owner.</summary>
    public abstract ValueTask OpenAsync(bool claim, CancellationToken cancellationToken);

    /// <summary>Marks what was applied before. Called once per round.</summary>
    public abstract ValueTask DropAppliedAsync(CancellationToken cancellationToken);

    /// <summary>Adds the guard's entries; false: there is nothing to guard (all known already).</summary>
    /// <param name="next">The lane's entry as it will be: the numbers of rows are set, the guard sets its own.</param>
    public abstract bool AddTo(LaneState next);

    /// <summary>A guard entry was not as expected. Committed: look again and go round; else the batch is over.</summary>
    public abstract ValueTask<BatchOutcome> ConflictAsync(EntryConflict conflict, CancellationToken cancellationToken);

    /// <summary>The commit landed: what it wrote is known from now on.</summary>
    public abstract void Committed();

    /// <summary>Whether all events of the span are in the view, set aside or known.</summary>
    public abstract bool IsDone(ReceiptSpan span);

    /// <summary>The event was applied before, whatever became of it this time.</summary>
    protected void Drop(int index)
    {
        var batch = Lane.Batch;
        if (batch[index].Outcome == Outcome.Duplicate) return;
        batch[index].Outcome = Outcome.Duplicate;
        Lane.View.Unstage(batch, index, index);
    }

    /// <summary>A message may stand in a batch twice: delivered again, or sent again because nobody knew whether it had arrived.</summary>
    protected void DropCopies()
    {
        Messages.Clear();
        var (message, last, isCopy) = (default(Guid), -1L, false);
        for (var i = 0; i < Lane.Batch.Count; i++)
        {
            var position = Lane.Batch.Raw.Span[i].Position;
            if (position.MessageId != message) (message, last, isCopy) = (position.MessageId, -1, !Messages.Add(position.MessageId));
            if (isCopy || position.Offset <= last) Drop(i);
            else last = position.Offset;
        }
    }

    protected void Put(LaneState state, long? expected)
    {
        Lane.Batch.Arena.Begin();
        state.WriteTo(Lane.Batch.Arena);
        Lane.Batch.Commit.Add(new CommitEntry(Self, EntryAction.Put, expected, Lane.Batch.Arena.End()));
    }

    protected async ValueTask<(long Version, LaneState State)> ReadSelfAsync(CancellationToken cancellationToken)
    {
        var self = (await Lane.Store.ReadAsync(new[] { Self }, cancellationToken).ConfigureAwait(false))[0];
        return (self.Version, LaneState.Read(self.Value.Span));
    }

    protected static Commit CommitOf(in CommitEntry entry)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(in entry);
        return commit;
    }
}
