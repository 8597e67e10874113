using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>The rows that are tried now: what is applied goes, what failed is put again, what stands behind it stays as it is. The versions they were read at are checked.</summary>
internal sealed class RetriedRows(LaneContext lane) : ISetAside
{
    private IReadOnlyList<ParkedEvent> _rows = [];

    /// <summary>The rows that failed, as they are now.</summary>
    public List<ParkedEvent> Failed { get; } = [];

    public int Staged => 0;

    /// <summary>Rows parallel to the batch's events.</summary>
    public void Start(IReadOnlyList<ParkedEvent> rows) => _rows = rows;

    /// <summary>What is tried is the front of its key.</summary>
    public bool Holds(string? key) => false;

    public void Stage() { }

    public void AddTo(long number)
    {
        var batch = lane.Batch;
        Failed.Clear();
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var item = ref batch[i];
            var row = _rows[i];
            if (item.Outcome == Outcome.Behind) continue;
            if (item.Outcome != Outcome.Failed)
            {
                batch.Commit.Add(new CommitEntry(ParkedRow.EntryOf(row.RowId), EntryAction.Delete, row.Version));
                continue;
            }
            var failed = row with
            {
                StandsBehind = false, Error = ParkedRow.Bounded(item.Error!.Message)!, ErrorType = item.Error.GetType().FullName, Attempts = row.Attempts + item.Attempts, Retries = row.Retries + 1,
                LastRetry = lane.Time.GetUtcNow(), Rule = row.Rule == RetryRule.InDoubt ? row.Rule : item.Rule, Version = batch.Commit.Version,
            };
            batch.Arena.Begin();
            ParkedRow.Write(batch.Arena, failed);
            batch.Commit.Add(new CommitEntry(ParkedRow.EntryOf(row.RowId), EntryAction.Put, row.Version, batch.Arena.End()));
            Failed.Add(failed);
        }
    }

    /// <summary>Somebody else works on it.</summary>
    public ValueTask<BatchOutcome> ConflictAsync(EntryKey row, StoredEntry current, CancellationToken cancellationToken) => new(BatchOutcome.Moved);

    public void Committed()
    {
        var held = lane.Engine.LaneOf(lane.Name)?.Held;
        for (var (i, failed) = (0, 0); i < lane.Batch.Count; i++)
        {
            if (lane.Batch[i].Outcome == Outcome.Behind) continue;
            if (lane.Batch[i].Outcome != Outcome.Failed)
            {
                held?.Remove(_rows[i].RowId);
                Log.Released(lane.Logger, lane.Engine.DisplayName, _rows[i].Type, _rows[i].Position);
                continue;
            }
            var row = Failed[failed++];
            held?.Set(HeldRow.Of(row, lane.Options));
            Log.SetAsideAgain(lane.Logger, lane.Engine.DisplayName, row.Type, row.Position, row.Attempts, lane.Batch[i].Error);
        }
        lane.Engine.LaneOf(lane.Name)?.WakeRetries();
    }
}
